// A status that is not OK, with its details: google.rpc.Status in the trailer grpc-status-details-bin.
import assert from 'node:assert/strict';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

// The part of googleapis' google/rpc/status.proto and error_details.proto that is used here.
const details = protoLoader.fromJSON({
  nested: {
    google: {
      nested: {
        protobuf: {
          nested: {
            Any: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
          },
        },
        rpc: {
          nested: {
            Status: {
              fields: {
                code: { type: 'int32', id: 1 },
                message: { type: 'string', id: 2 },
                details: { rule: 'repeated', type: 'google.protobuf.Any', id: 3 },
              },
            },
            ErrorInfo: {
              fields: {
                reason: { type: 'string', id: 1 },
                domain: { type: 'string', id: 2 },
                metadata: { keyType: 'string', type: 'string', id: 3 },
              },
            },
            BadRequest: {
              fields: { field_violations: { rule: 'repeated', type: 'FieldViolation', id: 1 } },
              nested: {
                FieldViolation: {
                  fields: { field: { type: 'string', id: 1 }, description: { type: 'string', id: 2 } },
                },
              },
            },
          },
        },
      },
    },
  },
}, { keepCase: true, defaults: true, arrays: true });

export class Refusal extends Error {
  constructor(fault) {
    const status = grpc.status[fault.code] ?? `code ${fault.code}`;
    const { reason, domain, fields, inner } = readDetails(fault.metadata);
    super(`${status} ${reason} ${fault.details}`);

    /** Name of the status, such as INVALID_ARGUMENT. */
    this.status = status;

    /** The server's message. */
    this.detail = fault.details;

    /** Stable reason code, such as BATCH_HAS_INVALID_LINES; empty if the server sent no details. */
    this.reason = reason;
    this.domain = domain;

    /** Names of the invalid fields. */
    this.fields = fields;

    /** The google.rpc.Status, or null. */
    this.inner = inner;
  }
}

/** The result of a call, which is made again while the attach node is overloaded, as it is on a busy machine. */
export async function unlessBusy(call) {
  for (const until = Date.now() + 60_000; ;) {
    try {
      return await call();
    } catch (fault) {
      if (fault.reason !== 'NODE_BUSY' || Date.now() >= until) throw fault;
    }

    // The delay of the node's RetryInfo.
    await new Promise(resolve => { setTimeout(resolve, 1000); });
  }
}

/** The call must be rejected with this status and reason; returns the rejection for further assertions. */
export async function refused(call, status, reason) {
  let refusal;
  try {
    await call;
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    refusal = fault;
  }

  assert.ok(refusal, `the call succeeded; expected ${status} ${reason}`);
  assert.equal(`${refusal.status} ${refusal.reason}`, `${status} ${reason}`, `got ${refusal.message}`);
  assert.ok(refusal.detail.length > 0, 'the status has no message');
  assert.equal(refusal.domain, 'deviceregistry.v1', 'domain of the ErrorInfo');
  assert.equal(refusal.inner.message, refusal.detail, 'message of the details and of the status');
  assert.equal(refusal.inner.code, grpc.status[status], 'code of the details and of the status');
  return refusal;
}

function readDetails(metadata) {
  const [bytes] = metadata?.get('grpc-status-details-bin') ?? [];
  if (!bytes) return { reason: '', domain: '', fields: [], inner: null };

  const inner = details['google.rpc.Status'].deserialize(bytes);
  const of = type => inner.details
    .filter(any => any.type_url === `type.googleapis.com/${type}`)
    .map(any => details[type].deserialize(any.value));
  const [info] = of('google.rpc.ErrorInfo');
  const fields = of('google.rpc.BadRequest').flatMap(bad => bad.field_violations.map(violation => violation.field));
  return { reason: info?.reason ?? '', domain: info?.domain ?? '', fields, inner };
}
