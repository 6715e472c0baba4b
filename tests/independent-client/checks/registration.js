// The states of a unit: its TAC is imported, then it is registered, certified, released and compliant.
import assert from 'node:assert/strict';
import { sha256 } from '../lib/chain.js';
import { checkDigit, newImei } from '../lib/imei.js';
import { refused } from '../lib/refusal.js';
import { assertVerdict, checkFrom } from './attach.js';

// Two TACs that only this client uses, so that no other data changes. Two letters take two bytes in UTF-8, and chunks of
// seven bytes split one of them.
const tacs = ['35999901', '35999902'];
const model = 'Probe 2';
const tacList = [
  'TAC|Manufacturer|Model_Name|Bands|Allocation_Date|Device_Type|Brand_Name|Sim_Slots',
  ...tacs.map(tac => `${tac}|Prüfgeräte|${model}|GSM 900|01-Nov-2024|Smartphone|Probe|2`),
  '',
].join('\n');
const chunkBytes = 7;

function inChunks(header, text, size) {
  const bytes = Buffer.from(text, 'utf8');
  const count = Math.ceil(bytes.length / size);
  const chunks = Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
  return [{ header }, ...chunks.map(data => ({ data }))];
}

export async function checkRegistration(registry, report, run) {
  await checkTacs(registry, report, run);
  await checkMandate(registry, report, run);
  await checkBatch(registry, report, run);
  await checkRelease(registry, report, run);
}

async function checkTacs(registry, report, run) {
  const importTacs = (name, text) => registry.upload('regulator-a', 'RegistrationService/ImportTacs',
    inChunks({ reference: `${run.id}-${name}`, format: 'TAC_LIST_FORMAT_GSMA' }, text, chunkBytes));
  const countsOf = ({ rows, new_tacs, changed_tacs, unchanged_tacs, repaired_rows, duplicate_rows, bad_rows }) =>
    ({ rows, new_tacs, changed_tacs, unchanged_tacs, repaired_rows, duplicate_rows, bad_rows });
  const unchanged = {
    rows: 2, new_tacs: 0, changed_tacs: 0, unchanged_tacs: 2, repaired_rows: 0, duplicate_rows: 0, bad_rows: 0,
  };

  await report.check('a TAC list of two rows in small chunks is taken', async () => {
    const answer = await importTacs('tacs', tacList);

    // New on fresh data, unchanged when this client ran before.
    const allNew = { ...unchanged, new_tacs: 2, unchanged_tacs: 0 };
    assert.deepEqual(countsOf(answer), answer.new_tacs === 0 ? unchanged : allNew);
    assert.deepEqual(answer.errors, []);
    run.tacs = answer;
  });

  await report.check('the same import again gets the same answer', async () =>
    assert.deepEqual(await importTacs('tacs', tacList), run.tacs));

  await report.check('the same list under a new reference changes nothing', async () =>
    assert.deepEqual(countsOf(await importTacs('tacs-again', tacList)), unchanged));

  await report.check('the same reference with another list is refused', () =>
    refused(importTacs('tacs', `${tacList}\n`.replace('Probe 2', 'Probe 3')), 'ALREADY_EXISTS', 'REFERENCE_REUSED'));

  await report.check('a bad row is counted and named by its line, the good ones are taken', async () => {
    const answer = await importTacs('tacs-bad', `${tacList}3599|Prüfgeräte|${model}|||||\n`);
    assert.deepEqual(countsOf(answer), { ...unchanged, rows: 3, bad_rows: 1 });
    assert.deepEqual(answer.errors.map(({ line, value }) => ({ line, value })), [{ line: 4, value: '3599' }]);
  });

  await report.check('a file that is no TAC list is refused', () =>
    refused(importTacs('tacs-not', 'IMEI;Name\n1;2\n'), 'INVALID_ARGUMENT', 'FILE_INVALID'));
}

async function checkMandate(registry, report, run) {
  await report.check('a mandate is in force once a second person of the regulator approves it', async () => {
    const { change_number: change } = await registry.unary('regulator-a', 'PartiesService/PutTacMandate', {
      reference: `${run.id}-mandate`, party: 'maker-a-mobiles', tacs, brand_owner: 'Probe', tac_holder: 'Holder',
      valid_from: '2021-04-01', valid_until: '2031-03-31', document_hash: sha256('mandate'),
    });
    const approve = (who, name) => registry.unary(who, 'ChangesService/ApproveChange', { reference: `${run.id}-${name}`, change_number: change });
    await refused(approve('regulator-a', 'mandate-alone'), 'FAILED_PRECONDITION', 'SECOND_PERSON_REQUIRED');
    const { change: approved } = await approve('regulator-b', 'mandate-approved');
    assert.equal(approved.state, 'CHANGE_STATE_IN_FORCE');
    const { mandates } = await registry.unary('maker-a', 'PartiesService/ListTacMandates', { after_tac: '35999900' });
    assert.deepEqual(mandates.filter(m => tacs.includes(m.tac)).map(m => [m.tac, m.brand_owner, m.tac_holder]), tacs.map(tac => [tac, 'Probe', 'Holder']));
  });
}

/** Sends a file in chunks of seven bytes; returns the number of the newest durable chunk. */
async function send(registry, batch, bytes, from = batch.next_chunk) {
  const chunks = [];
  for (let at = Number(batch.durable_bytes), sequence = from; at < bytes.length; at += chunkBytes, sequence++) {
    const data = bytes.subarray(at, at + chunkBytes);
    chunks.push({ batch_number: batch.batch_number, sequence, data, checksum: sha256(data) });
  }

  let durable = 0;
  await registry.converse('maker-a', 'RegistrationService/SendChunks', chunks, answer => { durable = answer.durable_through; });
  return durable;
}

async function checkBatch(registry, report, run) {
  // Two units of two slots, a TAC of its own for each slot.
  const units = [1, 2].map(i => ({ serial: `IC-${Date.now()}-${i}`, imeis: tacs.map(newImei) }));
  const csvOf = lines => Buffer.from(['serial_number,imei_1,imei_2', ...lines, ''].join('\n'), 'utf8');
  const printed = imei => imei + checkDigit(imei);
  const goodLines = units.map(unit => [unit.serial, ...unit.imeis.map(printed)].join(','));
  const open = async (csv, reference, more = {}) => {
    const header = {
      reference, authorization: 'MDM-0001', produced_on: '2025-06-02', origin: 'DEVICE_ORIGIN_LOCAL_ASSEMBLY', model,
      declared_units: csv.toString().trim().split('\n').length - 1, file_digest: sha256(csv), ...more,
    };
    return (await registry.unary('maker-a', 'RegistrationService/OpenBatch', { header })).batch;
  };
  const endOf = async ({ batch_number }) => {
    const answers = [];
    await registry.download('maker-a', 'RegistrationService/WatchBatch', { batch_number }, answer => { answers.push(answer); });
    return answers.at(-1);
  };
  const register = async (csv, reference = `${run.id}-batch`, more = {}) => {
    const batch = await open(csv, reference, more);
    if (batch.state === 'BATCH_STATE_OPEN') {
      await send(registry, batch, csv);
      await registry.unary('maker-a', 'RegistrationService/CompleteUpload', { batch_number: batch.batch_number });
    }

    return batch;
  };
  const faultsOf = async ({ batch_number }) => {
    const faults = [];
    await registry.download('maker-a', 'RegistrationService/ListLineErrors', { batch_number }, answer => { faults.push(...answer.errors); });
    return faults;
  };

  await report.check('a wrong check digit rejects the batch, and its report names the line', async () => {
    const right = checkDigit(units[0].imeis[0]);
    const wrong = `${units[0].imeis[0]}${(right + 1) % 10}`;
    const badLine = [units[0].serial, wrong, printed(units[0].imeis[1])].join(',');
    const batch = await register(csvOf([badLine, goodLines[1]]));
    await refused(endOf(batch), 'INVALID_ARGUMENT', 'BATCH_HAS_INVALID_LINES');

    const faults = await faultsOf(batch);
    assert.equal(faults.length, 1);
    const { line, field, value, reason, expected } = faults[0];
    assert.deepEqual({ line, field, value, reason },
      { line: 2, field: 'imei_1', value: wrong, reason: 'IMEI_CHECK_DIGIT' });
    assert.match(expected, new RegExp(`\\b${right}\\b`), 'the digit that was expected');
  });

  await report.check('a dry run finds nothing wrong, and registers nothing', async () => {
    const batch = await register(csvOf(goodLines), `${run.id}-batch`, { dry_run: true });
    const { dry_run: found } = await endOf(batch);
    assert.deepEqual([found.units, found.imeis, found.quarantined_units], [2, 4, 0]);
  });

  await report.check('an upload that was cut goes on at the chunk that is wanted next', async () => {
    const csv = csvOf(goodLines);
    const batch = await open(csv, `${run.id}-batch`);
    assert.equal(await send(registry, batch, csv.subarray(0, 3 * chunkBytes)), 3);
    const again = await open(csv, `${run.id}-batch`);
    assert.deepEqual([again.batch_number, again.next_chunk, again.durable_bytes], [batch.batch_number, 4, String(3 * chunkBytes)]);
    await refused(send(registry, again, csv, 5), 'FAILED_PRECONDITION', 'CHUNK_OUT_OF_ORDER');
  });

  await report.check('the mended file is taken under the same reference', async () => {
    const { receipt } = await endOf(await register(csvOf(goodLines)));
    assert.deepEqual([receipt.units, receipt.imeis, receipt.quarantined_units], [2, 4, 0]);
    const canonical = units.map(unit => `${[unit.serial, ...unit.imeis].join(',')}\n`).join('');
    assert.deepEqual(receipt.content_hash, sha256(canonical), 'SHA-256 over the canonical lines');
    Object.assign(run, { units, receipt });
  });

  await report.check('the same batch again gets the same receipt', async () => {
    const { receipt } = await endOf(await register(csvOf(goodLines)));
    assert.deepEqual(receipt, run.receipt);
  });

  await report.check('the same reference with other units is refused', () =>
    refused(register(csvOf(goodLines.slice(1))), 'ALREADY_EXISTS', 'REFERENCE_REUSED'));

  await report.check('registered IMEIs are not taken twice', async () => {
    const batch = await register(csvOf(goodLines), `${run.id}-batch-again`);
    await refused(endOf(batch), 'INVALID_ARGUMENT', 'BATCH_HAS_INVALID_LINES');
    assert.deepEqual((await faultsOf(batch)).map(fault => [fault.line, fault.reason]), [[2, 'IMEI_TAKEN'], [3, 'IMEI_TAKEN']]);
  });
}

async function checkRelease(registry, report, run) {
  const step = (who, method, name) => registry.unary(who, `RegistrationService/${method}`,
    { reference: `${run.id}-${name}`, batch_number: run.receipt.batch_number });
  const describe = imei => registry.unary('operator-a', 'RegistryService/DescribeDevice', { imei });

  await report.check('a unit that is not released is not described to an operator', () =>
    refused(describe(run.units[0].imeis[0]), 'NOT_FOUND', 'NOT_FOUND'));

  await report.check('a batch is certified by two people', async () => {
    const { batch: proposed } = await step('regulator-a', 'CertifyBatch', 'propose');
    assert.equal(proposed.state, 'BATCH_STATE_CERTIFICATION_PROPOSED');
    await refused(step('regulator-a', 'CertifyBatch', 'propose-alone'), 'FAILED_PRECONDITION', 'SECOND_PERSON_REQUIRED');
    const { batch: certified } = await step('regulator-b', 'CertifyBatch', 'confirm');
    assert.equal(certified.state, 'BATCH_STATE_CERTIFIED');
  });

  await report.check('its owner releases it, and its units are compliant by row 14b', async () => {
    const { batch, units, journal_position: position } = await step('maker-a', 'ReleaseBatch', 'release');
    assert.deepEqual([batch.state, units], ['BATCH_STATE_CLOSED', 2]);
    run.releasedAt = position;

    // The 15th and 16th digit are not part of a device's identity.
    for (const imei of run.units.flatMap(unit => unit.imeis))
      for (const tail of ['', '0', '77'])
        assertVerdict(await checkFrom(registry, position, { imei: imei + tail }), 'ALLOW', 'COMPLIANT', '14b');
  });

  await report.check('an operator may know who made it, and must not mistype it', async () => {
    const [imei] = run.units[0].imeis;
    assert.deepEqual(await describe(imei + checkDigit(imei)),
      { manufacturer: 'maker-a-mobiles', model, origin: 'DEVICE_ORIGIN_LOCAL_ASSEMBLY' });
    const mistyped = `${imei}${(checkDigit(imei) + 1) % 10}`;
    const refusal = await refused(describe(mistyped), 'INVALID_ARGUMENT', 'FIELD_INVALID');
    assert.deepEqual(refusal.fields, ['imei']);
  });

  await report.check('an auditor sees the unit, its batch and its past', async () => {
    const [unit] = run.units;
    const device = await registry.unary('auditor-a', 'RegistryService/GetDevice', { imei: unit.imeis[1] });
    assert.deepEqual([device.imei, device.unit.serial_number], [unit.imeis[1], unit.serial]);
    assert.deepEqual(device.unit.imeis, unit.imeis);
    assert.deepEqual(device.orders, []);
    assert.ok(device.history.length > 0);
    const { batch_number } = run.receipt;
    const { batch } = await registry.unary('auditor-a', 'RegistryService/GetBatch', { batch_number });
    assert.deepEqual(batch, device.unit.batch);
    assert.deepEqual([batch.reference, batch.party, batch.state],
      [`${run.id}-batch`, 'maker-a-mobiles', 'BATCH_STATE_CLOSED']);
    assert.deepEqual(batch.unit_counts, [{ state: 'UNIT_STATE_RELEASED', units: '2', imeis: '4' }]);
    assert.equal(device.unit.state, 'UNIT_STATE_RELEASED');
  });
}
