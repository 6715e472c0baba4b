// A block order: drafted by one person, approved by another, enforced at the attach node.
import assert from 'node:assert/strict';
import { refused } from '../lib/refusal.js';
import { draftDigest, signedApproval, signedDraft, verifies } from '../lib/signing.js';
import { assertVerdict, checkFrom } from './attach.js';

// Long enough for a slow machine to observe the block, short enough that it ends after every run.
const blockSeconds = 600;

export async function checkOrders(registry, report, run) {
  // An approver signs the draft that the registry returns, after verifying the drafter's signature.
  const approve = async (who, number, name) => {
    const { block, action } = await registry.unary(who, 'OrdersService/GetDraft', { order_number: number });
    const digest = block ? draftDigest(registry, 'DraftOrderRequest', block) : draftDigest(registry, 'DraftOrderActionRequest', action);
    assert.ok(verifies(digest, (block ?? action).signature), 'the drafter signed what the draft says');
    return registry.unary(who, 'OrdersService/ApproveOrder', signedApproval(registry, who, {
      reference: `${run.id}-${name}`, order_number: number, draft_digest: digest, target_order_number: block ? block.supersedes : action.order_number,
    }));
  };
  const drafts = (who, order) => registry.unary(who, 'OrdersService/DraftOrder', signedDraft(registry, who, 'DraftOrderRequest', order));
  const draft = {
    reference: `${run.id}-order`, order_class: 'ORDER_CLASS_C', reason: 'STOLEN', basis: 'A made-up report',
    imeis: run.units ? [run.units[0].imeis[0]] : [],
    expires_at: { seconds: Math.floor(Date.now() / 1000) + blockSeconds, nanos: 0 },
  };

  await report.check('a regulator drafts an order that covers both slots of the unit', async () => {
    const answer = await drafts('regulator-a', draft);
    const { order } = answer;
    assert.deepEqual([order.action, order.order_class, order.state, order.reason],
      ['ORDER_ACTION_BLOCK', 'ORDER_CLASS_C', 'ORDER_STATE_PENDING_APPROVAL', 'STOLEN']);
    assert.deepEqual([order.drafted_by, order.approved_by, order.approved_at], ['regulator-a', '', null]);
    assert.deepEqual([...order.imeis].sort(), [...run.units[0].imeis].sort());
    Object.assign(run, { order, draftedAt: answer.journal_position });
  });

  await report.check('the same reference with another order is refused', () =>
    refused(drafts('regulator-a', { ...draft, basis: 'Another' }),
      'ALREADY_EXISTS', 'REFERENCE_REUSED'));

  await report.check('a draft that another person signed is refused', () =>
    refused(registry.unary('regulator-a', 'OrdersService/DraftOrder', signedDraft(registry, 'regulator-b', 'DraftOrderRequest', { ...draft, reference: `${run.id}-foreign` })),
      'INVALID_ARGUMENT', 'FIELD_INVALID'));

  await report.check('a draft blocks nobody', async () =>
    assertVerdict(await checkFrom(registry, run.draftedAt, { imei: run.units[0].imeis[0] }),
      'ALLOW', 'COMPLIANT', '14b'));

  await report.check('who drafted it may not approve it', () =>
    refused(approve('regulator-a', run.order.order_number, 'alone'), 'FAILED_PRECONDITION', 'SECOND_PERSON_REQUIRED'));

  await report.check('approved by another, it denies both slots by row 5a', async () => {
    const { order, journal_position: position } = await approve('regulator-b', run.order.order_number, 'approve');
    assert.deepEqual([order.state, order.approved_by], ['ORDER_STATE_IN_FORCE', 'regulator-b']);
    run.armedAt = position;
    for (const imei of run.units[0].imeis)
      assertVerdict(await checkFrom(registry, position, { imei }), 'DENY', 'STOLEN', '5a');
    assertVerdict(await checkFrom(registry, position, { imei: run.units[1].imeis[0] }), 'ALLOW', 'COMPLIANT', '14b');
  });

  await report.check('an emergency call from the blocked handset is allowed', async () => {
    const request = { imei: run.units[0].imeis[0], attach_kind: 'ATTACH_KIND_EMERGENCY' };
    assertVerdict(await checkFrom(registry, run.armedAt, request), 'ALLOW', 'EMERGENCY', '0');
  });

  await report.check('an auditor reads the order', async () => {
    const { order_number } = run.order;
    const { order } = await registry.unary('auditor-a', 'RegistryService/GetOrder', { order_number });
    assert.deepEqual([order.drafted_by, order.approved_by], ['regulator-a', 'regulator-b']);
    assert.ok(['ORDER_STATE_IN_FORCE', 'ORDER_STATE_ENFORCED'].includes(order.state), order.state);
    assert.equal(order.expires_at.seconds, String(draft.expires_at.seconds));
  });

  await report.check('who approved an order may not approve its lift', async () => {
    const { order } = await registry.unary('regulator-a', 'OrdersService/DraftOrderAction', signedDraft(registry, 'regulator-a', 'DraftOrderActionRequest',
      { reference: `${run.id}-draft-lift`, order_number: run.order.order_number, basis: 'Found again', action: 'ORDER_ACTION_LIFT' }));
    assert.deepEqual([order.action, order.target_order_number], ['ORDER_ACTION_LIFT', run.order.order_number]);
    await refused(approve('regulator-b', order.order_number, 'approve-lift'), 'FAILED_PRECONDITION', 'SECOND_PERSON_REQUIRED');
  });

  await report.check('an order that does not exist is not found', () =>
    refused(approve('regulator-b', '9000000000000000000', 'none'), 'NOT_FOUND', 'NOT_FOUND'));
}
