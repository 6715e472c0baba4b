// The journal's hash chain, implemented from the text of feed.proto only.
import { createHash } from 'node:crypto';

//  0        8      12       20    24             25     33
//  | position | epoch | at_us | kind | must_understand | actor |        all big-endian
const headerSize = 33;

/** The hash before position 1. */
export const genesis = Buffer.alloc(32);

export function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** hash = SHA-256(previous hash | header | SHA-256(public_bytes) | private_digest). */
export function hashOf(previous, entry) {
  const header = Buffer.alloc(headerSize);
  header.writeBigUInt64BE(BigInt(entry.position), 0);
  header.writeUInt32BE(entry.epoch, 8);
  header.writeBigInt64BE(BigInt(entry.at_us), 12);
  header.writeInt32BE(entry.kind, 20);
  header.writeUInt8(entry.must_understand ? 1 : 0, 24);
  header.writeBigUInt64BE(BigInt(entry.actor), 25);
  return sha256(previous, header, sha256(entry.public_bytes), entry.private_digest);
}
