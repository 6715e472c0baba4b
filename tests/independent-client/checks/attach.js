// Checks of devices: rows of the decision table that need no order.
import assert from 'node:assert/strict';
import { refused, unlessBusy } from '../lib/refusal.js';

const checksMax = 256;          // attach.proto, CheckStream

/** Repeats a check until the node has applied the journal up to a position; returns that answer. */
export async function checkFrom(registry, position, request) {
  const until = Date.now() + 20_000;
  for (;;) {
    const answer = await registry.unary('operator-a', 'AttachService/Check', request);
    if (BigInt(answer.position) >= BigInt(position)) return answer;
    assert.ok(Date.now() < until, `the node stands at ${answer.position} and never came to ${position}`);
    await new Promise(resolve => { setTimeout(resolve, 50); });
  }
}

/** The answer must have this verdict, reason and row, in force and as evaluated. */
export function assertVerdict(answer, verdict, reason, row) {
  const said = `${answer.verdict} ${answer.reason} row ${answer.row} evaluated ${answer.evaluated_verdict}`;
  assert.equal(said, `VERDICT_${verdict} CHECK_REASON_${reason} row ${row} evaluated VERDICT_${verdict}`);
}

export async function checkAttach(registry, report, run) {
  const check = (request, who = 'operator-a') => registry.unary(who, 'AttachService/Check', request);

  await report.check('a text that is no IMEI is denied by row 8', async () => {
    const answer = await check({ imei: 'not an imei' });
    assertVerdict(answer, 'DENY', 'IMEI_MALFORMED', '8');
    assert.equal(answer.mode, 'ENFORCEMENT_MODE_ENFORCE');
    assert.equal(answer.unknown_equipment, false);
    assert.equal(answer.due_at, null);
  });

  await report.check('no identity is tracked by row 1', async () =>
    assertVerdict(await check({}), 'TRACK', 'IMEI_ABSENT', '1'));

  await report.check('an emergency is allowed by row 0, whatever the identity', async () =>
    assertVerdict(await check({ imei: 'not an imei', attach_kind: 'ATTACH_KIND_EMERGENCY' }),
      'ALLOW', 'EMERGENCY', '0'));

  await report.check('a text of over 64 characters is malformed, no error', async () =>
    assertVerdict(await check({ imei: '3'.repeat(65) }), 'DENY', 'IMEI_MALFORMED', '8'));

  await report.check('a foreign subscriber with a known TAC is allowed as a roamer by row 10', async () =>
    assertVerdict(await check({ imei: run.units[1].imeis[0], imsi: '262011234567890' }), 'ALLOW', 'ROAMER', '10'));

  await report.check('a test IMEI with a subscriber of the country is denied by row 9', async () =>
    assertVerdict(await check({ imei: '00101700000001', imsi: '410011234567890' }), 'DENY', 'TEST_IMEI', '9'));

  await report.check('a core node may ask, and is told how old the knowledge is', async () => {
    const answer = await check({ imei: 'not an imei' }, 'node-a1');
    assertVerdict(answer, 'DENY', 'IMEI_MALFORMED', '8');
    assert.ok(BigInt(answer.position) > 0n && BigInt(answer.policy_version) > 0n, `position ${answer.position}`);
    const age = Number(answer.data_age_ms);
    assert.ok(age >= 0 && age < 60_000, `knowledge of ${age} ms`);
  });

  await checkStream(registry, report);
}

async function checkStream(registry, report) {
  await report.check('a stream answers 1,000 checks in 7 messages by their ids', async () => {
    const kinds = [
      [{ imei: 'not an imei' }, 'DENY', 'IMEI_MALFORMED', '8'],
      [{ imei: '' }, 'TRACK', 'IMEI_ABSENT', '1'],
      [{ attach_kind: 'ATTACH_KIND_EMERGENCY' }, 'ALLOW', 'EMERGENCY', '0'],
    ];

    // The caller chooses ids: these need all 64 bits.
    const idOf = i => String(2n ** 64n - 1n - BigInt(i));
    const asked = Array.from({ length: 1000 }, (_, i) => ({ id: idOf(i), check: kinds[i % kinds.length][0] }));
    const messages = Array.from({ length: 7 }, (_, i) => ({ checks: asked.slice(i * 150, (i + 1) * 150) }));
    const answers = new Map();
    await unlessBusy(() => {
      answers.clear();
      return registry.converse('operator-a', 'AttachService/CheckStream', messages, message => {
        for (const { id, answer } of message.answers) {
          assert.ok(!answers.has(id), `id ${id} was answered twice`);
          answers.set(id, answer);
        }
      });
    });

    assert.equal(answers.size, asked.length);
    for (let i = 0; i < asked.length; i++) assertVerdict(answers.get(idOf(i)), ...kinds[i % kinds.length].slice(1));
  });

  await report.check('a message of 256 checks is taken, one of 257 is refused', async () => {
    const messageOf = count => ({ checks: Array.from({ length: count }, (_, i) => ({ id: i, check: {} })) });
    let answered = 0;
    await unlessBusy(() => {
      answered = 0;
      return registry.converse('operator-a', 'AttachService/CheckStream', [messageOf(checksMax)],
        message => { answered += message.answers.length; });
    });
    assert.equal(answered, checksMax);
    await refused(unlessBusy(() =>
      registry.converse('operator-a', 'AttachService/CheckStream', [messageOf(checksMax + 1)], () => {})),
      'INVALID_ARGUMENT', 'FIELD_INVALID');
  });
}
