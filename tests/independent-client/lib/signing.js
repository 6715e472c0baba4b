// The bytes that drafter and approver of an order sign, computed from the text of orders.proto only.
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';

/** The canonical text of a message. */
export function canonicalForm(registry, message, value) {
  return Buffer.concat([Buffer.from(`deviceregistry.v1.${message}\n`), ...fields(registry, registry.describe(message), value, '')]);
}

/** Digest of a draft, with the salt of its signature. */
export function draftDigest(registry, message, draft) {
  return sha256(draft.signature.salt, canonicalForm(registry, message, draft));
}

/** The digest that an approver signs. */
export function approvalDigest(registry, approval) {
  const { order_number, draft_digest, target_order_number } = approval;
  return sha256(canonicalForm(registry, 'ApproveOrderRequest', { order_number, draft_digest, target_order_number }));
}

/** A draft with its drafter's signature. */
export function signedDraft(registry, who, message, draft) {
  const signature = { salt: randomBytes(16) };
  const digest = draftDigest(registry, message, { ...draft, signature });
  return { ...draft, signature: { ...signature, ...signatureOf(registry, who, digest) } };
}

/** An approval with its approver's signature. */
export function signedApproval(registry, who, approval) {
  return { ...approval, signature: signatureOf(registry, who, approvalDigest(registry, approval)) };
}

/** Whether a signature of its key over the digest is valid. */
export function verifies(digest, { ecdsa: { public_key, signature } }) {
  const key = createPublicKey({ key: public_key, format: 'der', type: 'spki' });
  return verify('sha256', signedBytes(digest), key, signature);
}

function signatureOf(registry, who, digest) {
  const key = createPrivateKey(registry.keyOf(who));
  return {
    ecdsa: {
      public_key: createPublicKey(key).export({ type: 'spki', format: 'der' }),
      signature: sign('sha256', signedBytes(digest), key),
    },
  };
}

function signedBytes(digest) {
  return Buffer.concat([Buffer.from('device-registry order\n'), digest]);
}

function fields(registry, type, value, prefix) {
  return [...type.field]
    .filter(field => prefix !== '' || field.name !== 'signature')
    .sort((a, b) => a.number - b.number)
    .flatMap(field => {
      const held = value[field.name];
      if (field.label === 'LABEL_REPEATED') return (held ?? []).flatMap(one => lines(registry, field, one, prefix));
      return isSet(registry, field, held) ? lines(registry, field, held, prefix) : [];
    });
}

function lines(registry, field, value, prefix) {
  const name = prefix + field.name;
  const text = Buffer.from(textOf(registry, field, value));
  const own = Buffer.concat([Buffer.from(`${name}=${text.length}:`), text, Buffer.from('\n')]);
  return field.type === 'TYPE_MESSAGE' ? [own, ...fields(registry, registry.describe(field.typeName), value, `${name}.`)] : [own];
}

function textOf(registry, field, value) {
  switch (field.type) {
    case 'TYPE_MESSAGE': return '';
    case 'TYPE_STRING': return value;
    case 'TYPE_BYTES': return value.toString('hex');
    case 'TYPE_BOOL': return value ? '1' : '0';
    case 'TYPE_ENUM': return String(registry.enumNumber(field.typeName, value));
    default: return String(value);
  }
}

function isSet(registry, field, value) {
  if (value === undefined || value === null) return false;
  if (field.type === 'TYPE_MESSAGE') return true;
  if (field.type === 'TYPE_BYTES') return value.length > 0;
  return !['', '0'].includes(textOf(registry, field, value));
}

function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
