// One check by one gRPC client: the baseline for the start time of `dreg check` (deploy/README.md).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const env = process.env;
const checkout = fileURLToPath(new URL('../../', import.meta.url));
const certs = `${env.DEVICEREGISTRY_STATE || `${checkout}.data`}/certs`;
const imei = process.argv[2];
if (!imei) {
  console.error('usage: node check.js IMEI');
  process.exit(2);
}

const read = file => readFileSync(join(certs, file));
const definitions = protoLoader.loadSync('deviceregistry/v1/attach.proto',
  { keepCase: true, longs: String, enums: String, defaults: true, includeDirs: [`${checkout}proto`] });
const { AttachService } = grpc.loadPackageDefinition(definitions).deviceregistry.v1;
const client = new AttachService(`localhost:${env.DEVICEREGISTRY_ATTACH_PORT || 7444}`,
  grpc.credentials.createSsl(read('root.pem'), read('operator-a.key'), read('operator-a.pem')));
client.Check({ imei }, { deadline: Date.now() + 30_000 }, (fault, answer) => {
  if (fault) {
    console.error(fault.message);
    process.exitCode = 1;
  } else console.log(`${answer.verdict} ${answer.reason}, as of position ${answer.position}`);
  client.close();
});
