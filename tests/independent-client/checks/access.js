// Which certificates are accepted, which are rejected, and what every caller may call.
import assert from 'node:assert/strict';
import { refused } from '../lib/refusal.js';
import { nobody } from '../lib/registry.js';

const people = {
  'operator-a': ['opco-a', 'ACTOR_KIND_PERSON', 'PARTY_KIND_OPERATOR'],
  'maker-a': ['maker-a-mobiles', 'ACTOR_KIND_PERSON', 'PARTY_KIND_MANUFACTURER'],
  'regulator-a': ['pta', 'ACTOR_KIND_PERSON', 'PARTY_KIND_REGULATOR'],
  'regulator-b': ['pta', 'ACTOR_KIND_PERSON', 'PARTY_KIND_REGULATOR'],
  'auditor-a': ['audit-office', 'ACTOR_KIND_PERSON', 'PARTY_KIND_AUDITOR'],
  'node-a1': ['opco-a', 'ACTOR_KIND_NODE', 'PARTY_KIND_OPERATOR'],
};

const order = {
  reference: 'must-not-be-drafted', order_class: 'ORDER_CLASS_C', reason: 'STOLEN', basis: 'none',
  imeis: ['35290611000001'],
};

export async function checkAccess(registry, report) {
  await checkHealth(registry, report);
  await checkReflection(registry, report);
  await checkIdentities(registry, report);
  await checkRefusals(registry, report);
}

async function checkHealth(registry, report) {
  for (const [door, name] of [['registrar', 'registrar'], ['attach', 'attach node']])
    await report.check(`the ${name} says SERVING without a certificate`, async () => {
      const { status } = await registry.unary(nobody, 'grpc.health.v1.Health/Check', {}, door);
      assert.equal(status, 'SERVING');
    });

  await report.check('health can be watched, and the watch cancelled', async () => {
    const seen = [];
    await registry.download(nobody, 'grpc.health.v1.Health/Watch', {}, answer => seen.push(answer.status) > 0);
    assert.deepEqual(seen, ['SERVING']);
  });

  await report.check('of a service it does not have, health says NOT_FOUND when asked and SERVICE_UNKNOWN when watched', async () => {
    const request = { service: 'nobody.Knows' };
    await assert.rejects(registry.unary(nobody, 'grpc.health.v1.Health/Check', request), { status: 'NOT_FOUND' });
    const seen = [];
    await registry.download(nobody, 'grpc.health.v1.Health/Watch', request, answer => seen.push(answer.status) > 0);
    assert.deepEqual(seen, ['SERVICE_UNKNOWN']);
  });
}

const doors = {
  registrar: ['Appeals', 'Changes', 'Feed', 'Orders', 'Parties', 'Policy', 'Proof', 'Recovery', 'Registration', 'Registry', 'Sightings', 'State'],
  attach: ['Attach', 'Node'],
};

async function checkReflection(registry, report) {
  for (const [door, expected] of Object.entries(doors))
    await report.check(`reflection at the ${door} door lists the services behind it, and no others`, async () => {
      const [{ list_services_response: list }] = await reflect(registry, [{ list_services: '*' }], door);
      const names = list.service.map(service => service.name);
      const ours = names.filter(name => name.startsWith('deviceregistry.'));
      assert.deepEqual(ours.sort(), expected.map(name => `deviceregistry.v1.${name}Service`).sort());
      assert.ok(names.includes('grpc.health.v1.Health'), `Health is not among ${names}`);
    });

  await report.check('reflection has the file of a service with everything it imports', async () => {
    const [answer] = await reflect(registry, [{ file_containing_symbol: 'deviceregistry.v1.AttachService' }],
      'attach');
    const files = answer.file_descriptor_response.file_descriptor_proto;
    for (const needed of ['AttachService', 'google/protobuf/timestamp.proto'])
      assert.ok(files.some(file => file.includes(needed)), `no file descriptor speaks of ${needed}`);
  });

  await report.check('reflection answers an unknown name with NOT_FOUND, and its stream goes on', async () => {
    const answers = await reflect(registry, [
      { file_containing_symbol: 'nobody.Knows' },
      { file_by_filename: 'nobody/knows.proto' },
      { file_containing_symbol: 'deviceregistry.v1.AttachService' },
    ], 'attach');
    assert.deepEqual(answers.slice(0, 2).map(answer => answer.error_response?.error_code), [5, 5]);
    assert.ok(answers[2].file_descriptor_response, 'no file descriptor after the errors');
  });
}

async function reflect(registry, questions, door) {
  const answers = [];
  await registry.converse('auditor-a', 'grpc.reflection.v1.ServerReflection/ServerReflectionInfo', questions,
    answer => { answers.push(answer); }, door);
  return answers;
}

async function checkIdentities(registry, report) {
  for (const [actor, [party, actorKind, partyKind]] of Object.entries(people))
    await report.check(`${actor} is known as ${actor} of ${party}`, async () => {
      const me = await registry.unary(actor, 'PartiesService/WhoAmI', {});
      assert.deepEqual(me, { actor, actor_kind: actorKind, party, party_kind: partyKind });
    });

  await report.check('an auditor reads the policy in force', async () => {
    const answer = await registry.unary('auditor-a', 'PolicyService/GetPolicy', {});
    assert.ok(BigInt(answer.version) >= 1n && answer.in_force_at, `version ${answer.version}`);
    const operator = answer.policy.operators.find(row => row.party === 'opco-a');
    assert.equal(operator?.mode, 'ENFORCEMENT_MODE_ENFORCE');
  });
}

async function checkRefusals(registry, report) {
  await report.check('the registrar refuses a caller without a certificate', () =>
    refused(registry.unary(nobody, 'PartiesService/WhoAmI', {}), 'UNAUTHENTICATED', 'CERT_MISSING'));

  await report.check('the attach node refuses a caller without a certificate', () =>
    refused(registry.unary(nobody, 'AttachService/Check', {}), 'UNAUTHENTICATED', 'CERT_MISSING'));

  await report.check('a stream without a certificate is refused too', () =>
    refused(registry.download(nobody, 'FeedService/Subscribe', {}, () => {}), 'UNAUTHENTICATED', 'CERT_MISSING'));

  await report.check('an operator may not draft an order', () =>
    refused(registry.unary('operator-a', 'OrdersService/DraftOrder', order), 'PERMISSION_DENIED', 'NOT_ALLOWED'));

  await report.check('an auditor changes nothing', () =>
    refused(registry.unary('auditor-a', 'OrdersService/DraftOrder', order), 'PERMISSION_DENIED', 'NOT_ALLOWED'));

  await report.check('a manufacturer may not ask the attach node', () =>
    refused(registry.unary('maker-a', 'AttachService/Check', {}), 'PERMISSION_DENIED', 'NOT_ALLOWED'));
}
