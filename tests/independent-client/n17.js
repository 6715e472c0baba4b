// Sends requests to the N17 interface through Node's HTTP/2 and validates every answer against 3GPP's OpenAPI description with a third-party validator.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { Report } from './lib/report.js';

const base = 'http://3gpp.example/';
const eir = 'TS29511_N5g-eir_EquipmentIdentityCheck.yaml';
const common = 'TS29571_CommonData.yaml';
const resource = '/n5g-eir-eic/v1/equipment-status';

// Each kind of request, and its expected status.
const questions = [
  ['a handset', `${resource}?pei=imei-352906118888880`, 200],
  ['a handset with its software version, and its subscriber', `${resource}?pei=imeisv-8665070400405301&supi=imsi-999700000021309`, 200],
  ['wireline equipment', `${resource}?pei=mac-00-11-22-33-44-55`, 200],
  ['an odd identity', `${resource}?pei=anything`, 200],
  ['no identity', resource, 400],
  ['an empty identity', `${resource}?pei=`, 400],
  ['another resource', '/n5g-eir-eic/v1/elsewhere', 404],
  ['another API', '/nudm-sdm/v1/elsewhere', 400],
  ['an answer in HTML', `${resource}?pei=imei-352906118888880`, 406, { accept: 'text/html' }],
  ['far too long a question', `${resource}?pei=${'x'.repeat(3000)}`, 414],
];

/** Compiles the schema of each response of the one operation, by status. */
function readDescription(folder) {
  const documents = Object.fromEntries([eir, common].map(name => [name, parse(readFileSync(join(folder, name), 'utf8'))]));
  const ajv = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false, allErrors: true });
  for (const [name, document] of Object.entries(documents)) ajv.addSchema({ $id: base + name, components: document.components });

  // Referenced by the common data, but not among the files.
  ajv.addSchema({ $id: `${base}TS29510_Nnrf_AccessToken.yaml`, components: { schemas: { AccessTokenErr: {}, AccessTokenReq: {} } } });
  const { responses } = documents[eir].paths['/equipment-status'].get;
  return { ajv, responses, shared: documents[common].components.responses };
}

/** Throws unless an answer matches the description. */
function judge({ ajv, responses, shared }, { status, type, body }) {
  const declared = responses[status] ?? responses.default;
  const response = declared.$ref ? shared[declared.$ref.split('/').pop()] : declared;
  const json = JSON.parse(body);

  // A status declared without a body (406), or not declared by its number, has a ProblemDetails like every error (TS 29.500 §4.8).
  const problem = { $ref: `${common}#/components/schemas/ProblemDetails` };
  const schema = response.content ? response.content[type]?.schema ?? assert.fail(`${status} as ${type} is not declared`) : problem;
  if (!response.content) assert.equal(type, 'application/problem+json');
  const file = declared.$ref ? common : eir;
  const reference = schema.$ref.startsWith('#') ? file + schema.$ref : schema.$ref;
  const validate = ajv.getSchema(base + reference) ?? ajv.compile({ $ref: base + reference });
  assert.ok(validate(json), `${body}: ${ajv.errorsText(validate.errors)}`);
  if (status >= 400) assert.equal(json.status, status);
}

// A node on a busy machine rejects requests with 503 while it is not scheduled in time: ask again.
async function ask(session, path, headers) {
  for (const until = Date.now() + 60_000; ;) {
    const answer = await askOnce(session, path, headers);
    if (answer.status !== 503 || Date.now() >= until) return answer;
    await new Promise(resolve => { setTimeout(resolve, 1000); });
  }
}

function askOnce(session, path, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = session.request({ ':path': path, accept: 'application/json,application/problem+json', 'user-agent': 'AMF', ...headers });
    let body = '';
    let head;
    request.setEncoding('utf8');
    request.on('response', got => { head = got; });
    request.on('data', part => { body += part; });
    request.on('end', () => resolve({ status: head[':status'], type: head['content-type'], body }));
    request.on('error', reject);
    request.end();
  });
}

const { values: options } = parseArgs({
  options: { n17: { type: 'string' }, reference: { type: 'string' }, replies: { type: 'string' } },
});
const description = readDescription(options.reference);
const report = new Report();
const session = http2.connect(`http://${options.n17}`);
try {
  await report.check('the validator refuses what is no answer', () => {
    assert.throws(() => judge(description, { status: 200, type: 'application/json', body: '{"status":"PURPLE"}' }));
    assert.throws(() => judge(description, { status: 200, type: 'text/plain', body: '{"status":"WHITELISTED"}' }));
    assert.throws(() => judge(description, { status: 404, type: 'application/problem+json', body: '{"status":"404"}' }));
  });
  for (const [what, path, status, headers] of questions)
    await report.check(`${what} gets ${status} as described`, async () => {
      const answer = await ask(session, path, headers);
      assert.equal(answer.status, status);
      judge(description, answer);
    });
  for (const reply of JSON.parse(readFileSync(options.replies, 'utf8')))
    await report.check(`the table's ${reply.status} ${reply.body.slice(0, 40)} is as described`, () => judge(description, reply));
} finally {
  session.close();
}

process.exitCode = report.finish() ? 0 : 1;
