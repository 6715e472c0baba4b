// The journal, read and verified by independent code.
import assert from 'node:assert/strict';
import { genesis, hashOf, sha256 } from '../lib/chain.js';
import { refused } from '../lib/refusal.js';

// Kinds that journal.proto lists without a private message.
const kindsWithoutPrivate = new Set([
  'POLICY_IN_FORCE', 'BATCH_CERTIFICATION_PROPOSED', 'BATCH_CERTIFIED', 'ORDER_APPROVED', 'ORDER_ARMED',
  'ORDER_LIFTED', 'ORDER_STAYED', 'ORDER_ANNULLED', 'ORDER_IN_FORCE', 'ORDER_EXPIRED', 'ORDER_ENFORCED', 'CHECKPOINT', 'APPEAL_UNDER_REVIEW',
  'CHANGE_APPROVED',
  'CHANGE_REJECTED',
].map(name => `JOURNAL_KIND_${name}`));

// An import that changed no TAC is journalled for its date and has no private part; of a release in
// several entries, only the last one has a private part.
const kindsAtTimesWithoutPrivate = new Set(['TACS_CHANGED', 'IMEIS_RELEASED', 'IMEIS_RETIRED'].map(name => `JOURNAL_KIND_${name}`));

const heartbeatsAwaited = 2;

export async function checkFeed(registry, report, run) {
  const entries = [];
  const subscribe = (who, request, take) => registry.download(who, 'FeedService/Subscribe', request, take);
  const readInto = list => message => {
    assert.equal(message.part, 'entries', 'a stream that does not follow has entries only');
    list.push(...message.entries.entries);
  };

  await report.check('the journal comes from position 1 without gaps, and ends', async () => {
    await subscribe('auditor-a', { after_position: 0, follow: false }, readInto(entries));
    assert.ok(entries.length > 0, 'no entries');
    entries.forEach((entry, i) => assert.equal(entry.position, String(i + 1)));
  });

  await checkEntries(registry, report, run, entries);
  await checkContinuation(registry, report, entries, subscribe, readInto);
  await checkReport(registry, report, entries);
}

async function checkEntries(registry, report, run, entries) {
  // Without entries every assertion about all of them would pass.
  const read = () => assert.ok(entries.length > 0, 'no entries');

  await report.check('every hash of the chain is the one computed here', () => {
    read();
    let previous = genesis;
    for (const entry of entries) {
      assert.equal(entry.hash.toString('hex'), hashOf(previous, entry).toString('hex'), `hash at ${entry.position}`);
      previous = entry.hash;
    }
  });

  await report.check('a change of any field of an entry gives another hash', () => {
    const [previous, entry] = entries.slice(-2);
    const changed = {
      position: BigInt(entry.position) ^ 1n, epoch: entry.epoch ^ 1, at_us: BigInt(entry.at_us) ^ 1n,
      kind: entry.kind ^ 1, must_understand: !entry.must_understand, actor: BigInt(entry.actor) ^ 1n,
      public_bytes: Buffer.concat([entry.public_bytes, Buffer.of(0)]), private_digest: sha256('another'),
    };
    for (const [field, value] of Object.entries(changed))
      assert.notDeepEqual(hashOf(previous.hash, { ...entry, [field]: value }), entry.hash, field);
  });

  await report.check('every entry is later than the one before, its epoch not lower', () => {
    read();
    for (let i = 1; i < entries.length; i++) {
      assert.ok(BigInt(entries[i].at_us) > BigInt(entries[i - 1].at_us), `position ${i + 1} is not later`);
      assert.ok(entries[i].epoch >= entries[i - 1].epoch && entries[0].epoch >= 1, `epoch at position ${i + 1}`);
    }
  });

  await report.check('an entry without a private part has the digest of nothing, one with it another', () => {
    read();
    const names = registry.enumNames('JournalKind');
    for (const { position, kind, private_digest: digest } of entries) {
      const name = names.get(kind);
      assert.ok(name, `position ${position} has kind ${kind}`);
      if (!kindsAtTimesWithoutPrivate.has(name))
        assert.equal(digest.equals(sha256('')), kindsWithoutPrivate.has(name), `digest of ${name} at ${position}`);
    }
  });

  await report.check('the journal says what this client did, and no names', () => {
    const released = entries[Number(run.releasedAt) - 1];
    const units = registry.decode('ImeisReleased', released.public_bytes);
    assert.equal(units.batch_number, run.receipt.batch_number);
    assert.deepEqual(fromDeltas(units.imei_deltas), run.units.flatMap(unit => unit.imeis).sort());

    const order = registry.decode('OrderArmed', entries[Number(run.armedAt) - 1].public_bytes);
    assert.deepEqual([order.order_number, order.order_class, order.check_reason],
      [run.order.order_number, 'ORDER_CLASS_C', 'CHECK_REASON_STOLEN']);
    assert.deepEqual(fromDeltas(order.imei_deltas), [...run.units[0].imeis].sort());

    for (const { position, public_bytes: bytes } of entries)
      for (const name of ['regulator-a', 'maker-a-mobiles', run.units[0].serial])
        assert.ok(!bytes.includes(name), `${name} stands in the public bytes of position ${position}`);
  });
}

// An entry of pairs has a scoped part that only the nodes of its operator receive.
const asEverybody = entry => ({ ...entry, scoped: Buffer.alloc(0) });

async function checkContinuation(registry, report, entries, subscribe, readInto) {
  const [pairsArmed] = [...registry.enumNames('JournalKind')].find(([, name]) => name === 'JOURNAL_KIND_ORDER_PAIRS_ARMED');

  await report.check('an auditor is given no part that is for one operator\'s nodes', () =>
    entries.forEach(({ position, scoped }) => assert.equal(scoped.length, 0, `position ${position}`)));

  await report.check('a node goes on after a position it has, with the same entries', async () => {
    const middle = entries[Math.floor(entries.length / 2)];
    const rest = [];
    await subscribe('node-a1', { after_position: middle.position, hash: middle.hash, follow: false }, readInto(rest));
    const same = entries.slice(Number(middle.position));
    assert.deepEqual(rest.slice(0, same.length).map(asEverybody), same);

    for (const { position, kind, scoped, private_digest: digest } of rest.filter(entry => entry.scoped.length > 0)) {
      assert.equal(kind, pairsArmed, `kind of ${position}, of which a part is for one operator's nodes`);
      assert.equal(sha256(scoped).toString('hex'), digest.toString('hex'), `the journalled digest of what ${position} says to them`);
    }
  });

  await report.check('a caller with another history is refused', async () => {
    const { position } = entries.at(-1);
    const others = [
      { after_position: position, hash: sha256('another') },
      { after_position: '4000000000000000000', hash: genesis },
    ];
    for (const request of others)
      await refused(subscribe('auditor-a', request, () => {}), 'FAILED_PRECONDITION', 'CHAIN_MISMATCH');
  });

  await report.check('a follower at the head hears heartbeats, and may leave', async () => {
    const head = entries.at(-1);
    const beats = [];
    await subscribe('auditor-a', { after_position: head.position, hash: head.hash, follow: true }, message =>
      message.part === 'heartbeat' && beats.push(message.heartbeat) >= heartbeatsAwaited);
    for (const { head_position: position, at, epoch } of beats) {
      assert.ok(BigInt(position) >= BigInt(head.position), `head ${position}`);
      assert.ok(epoch >= head.epoch && Number(at.seconds) > 0);
    }
  });
}

async function checkReport(registry, report, entries) {
  const here = () => ({ position: entries.at(-1).position, hash: entries.at(-1).hash });

  await report.check('a node tells where it stands', async () =>
    assert.ok(Number((await registry.unary('node-a1', 'FeedService/ReportPosition', here())).at.seconds) > 0));

  await report.check('an auditor is no node and tells nothing', () =>
    refused(registry.unary('auditor-a', 'FeedService/ReportPosition', here()), 'PERMISSION_DENIED', 'NOT_ALLOWED'));
}

// Sorted numbers, each as the difference to the one before, the first to 0; here as 14 digits.
function fromDeltas(deltas) {
  let imei = 0n;
  return deltas.map(delta => String(imei += BigInt(delta)).padStart(14, '0'));
}
