// Access to the registry: the four kinds of gRPC call, with any of the certificates.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { Refusal, unlessBusy } from './refusal.js';

const contract = [
  'deviceregistry/v1/attach.proto', 'deviceregistry/v1/changes.proto', 'deviceregistry/v1/feed.proto',
  'deviceregistry/v1/journal.proto', 'deviceregistry/v1/orders.proto', 'deviceregistry/v1/parties.proto',
  'deviceregistry/v1/registration.proto', 'deviceregistry/v1/registry.proto', 'deviceregistry/v1/sightings.proto',
  'deviceregistry/v1/signatures.proto',
  'deviceregistry/v1/state.proto',
  'health/v1/health.proto', 'grpc/reflection/v1/reflection.proto',
];

// health.proto and reflection.proto as gRPC publishes them.
const packages = dirname(dirname(fileURLToPath(import.meta.url))) + '/node_modules';
const standardProtos = [join(packages, 'grpc-health-check/proto'), join(packages, '@grpc/reflection/build/proto')];

// 64-bit numbers stay text: a JavaScript number loses digits from 2^53 on.
const decoding = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };

// Far longer than any call here takes, so that a hanging call fails its check and does not block the build.
const deadlineMs = 60_000;

// The feed may send one entry larger than any limit of ours.
const channelOptions = { 'grpc.max_receive_message_length': -1 };

/** The name of a caller without a certificate. */
export const nobody = null;

/** Finds a service: of the contract by the last part of its name, others by their full name. */
function fullName(service) {
  return service.includes('.') ? service : `deviceregistry.v1.${service}`;
}

export class Registry {
  #addresses;
  #certs;
  #definitions;
  #clients = new Map();

  constructor({ registrar, attach, certs, protos }) {
    this.#addresses = { registrar, attach };
    this.#certs = certs;
    this.#definitions = protoLoader.loadSync(contract, { ...decoding, includeDirs: [protos, ...standardProtos] });
  }

  /** One request, one answer: unary. */
  unary(who, method, request, door) {
    return unlessBusy(() => this.#unaryOnce(who, method, request, door));
  }

  #unaryOnce(who, method, request, door) {
    return new Promise((resolve, reject) => {
      const { client, path, definition } = this.#target(who, method, door);
      client.makeUnaryRequest(path, definition.requestSerialize, definition.responseDeserialize, request,
        newMetadata(), deadline(), settle(resolve, reject));
    });
  }

  /** Many messages, one answer: client streaming. */
  upload(who, method, messages) {
    return new Promise((resolve, reject) => {
      const { client, path, definition } = this.#target(who, method);
      const call = client.makeClientStreamRequest(path, definition.requestSerialize, definition.responseDeserialize,
        newMetadata(), deadline(), settle(resolve, reject));
      for (const message of messages) call.write(message);
      call.end();
    });
  }

  /**
   * One request, many answers: server streaming. Passes every answer to `take`; if it returns true, the client
   * cancels.
   */
  download(who, method, request, take, door) {
    const { client, path, definition } = this.#target(who, method, door);
    const call = client.makeServerStreamRequest(path, definition.requestSerialize, definition.responseDeserialize,
      request, newMetadata(), deadline());
    return readAll(call, take);
  }

  /** Many messages, many answers: bidirectional streaming. */
  converse(who, method, messages, take, door) {
    const { client, path, definition } = this.#target(who, method, door);
    const call = client.makeBidiStreamRequest(path, definition.requestSerialize, definition.responseDeserialize,
      newMetadata(), deadline());
    for (const message of messages) call.write(message);
    call.end();
    return readAll(call, take);
  }

  /** Decodes the bytes of a message of the contract. */
  decode(message, bytes) {
    return this.#definitions[fullName(message)].deserialize(bytes);
  }

  /** Names of the values of an enum of the contract, by number. */
  enumNames(name) {
    return new Map(this.#definitions[fullName(name)].type.value.map(value => [value.number, value.name]));
  }

  /** Describes a message of the contract, or of those it uses: its fields with number, type and label. */
  describe(name) {
    return this.#definitions[fullName(name.replace(/^\./, ''))].type;
  }

  /** Number of a value of an enum of the contract. */
  enumNumber(name, value) {
    return typeof value === 'number' ? value : this.describe(name).value.find(v => v.name === value).number;
  }

  /** A private key, PEM. */
  keyOf(who) {
    return readFileSync(join(this.#certs, `${who}.key`));
  }

  close() {
    for (const client of this.#clients.values()) client.close();
  }

  // The attach node answers checks; all other calls go to the registrar unless the caller chooses otherwise.
  #target(who, method, door) {
    const [service, name] = method.split('/');
    const definition = this.#definitions[fullName(service)][name];
    const client = this.#clientOf(who, door ?? (service === 'AttachService' ? 'attach' : 'registrar'));
    return { client, path: definition.path, definition };
  }

  #clientOf(who, door) {
    const key = `${who}@${door}`;
    if (!this.#clients.has(key))
      this.#clients.set(key, new grpc.Client(this.#addresses[door], this.#credentialsOf(who), channelOptions));
    return this.#clients.get(key);
  }

  #credentialsOf(who) {
    const read = file => readFileSync(join(this.#certs, file));
    const root = read('root.pem');
    return who === nobody
      ? grpc.credentials.createSsl(root)
      : grpc.credentials.createSsl(root, read(`${who}.key`), read(`${who}.pem`));
  }
}

function newMetadata() {
  return new grpc.Metadata();
}

function deadline() {
  return { deadline: Date.now() + deadlineMs };
}

function settle(resolve, reject) {
  return (fault, answer) => (fault ? reject(new Refusal(fault)) : resolve(answer));
}

// A stream ends with its last answer, or with an error after some answers; our own cancellation is not an error. The end
// is awaited in both cases: only then has every earlier answer been processed.
function readAll(call, take) {
  return new Promise((resolve, reject) => {
    let enough = false;
    let refusal = null;
    call.on('data', message => {
      if (enough) return;

      try {
        enough = take(message) === true;
        if (enough) call.cancel();
      } catch (fault) {
        reject(fault);
        call.cancel();
      }
    });
    call.on('error', fault => {
      if (!enough || fault.code !== grpc.status.CANCELLED) refusal = new Refusal(fault);
    });
    call.on('end', () => (refusal ? reject(refusal) : resolve()));
  });
}
