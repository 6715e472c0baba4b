// An independent client: verifies that a third-party gRPC implementation gets the answers that the contract specifies.
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { checkAccess } from './checks/access.js';
import { checkAttach } from './checks/attach.js';
import { checkFeed } from './checks/feed.js';
import { checkOrders } from './checks/orders.js';
import { checkRegistration } from './checks/registration.js';
import { Registry } from './lib/registry.js';
import { Report } from './lib/report.js';

const usage = `usage: npm start -- [--registrar HOST:PORT] [--attach HOST:PORT] [--certs FOLDER]

FOLDER holds root.pem and NAME.pem, NAME.key of operator-a, maker-a, regulator-a, regulator-b, auditor-a and node-a1.
Without options: localhost, the ports of DEVICEREGISTRY_REGISTRAR_PORT and DEVICEREGISTRY_ATTACH_PORT (7443, 7444), and
certs in the folder of DEVICEREGISTRY_STATE (.data in the checkout).`;

const env = process.env;
const checkout = fileURLToPath(new URL('../../', import.meta.url));

function readOptions() {
  const { values } = parseArgs({
    options: {
      registrar: { type: 'string', default: `localhost:${env.DEVICEREGISTRY_REGISTRAR_PORT || 7443}` },
      attach: { type: 'string', default: `localhost:${env.DEVICEREGISTRY_ATTACH_PORT || 7444}` },
      certs: { type: 'string', default: `${env.DEVICEREGISTRY_STATE || `${checkout}.data`}/certs` },
      help: { type: 'boolean', default: false },
    },
  });
  return values;
}

async function runChecks(options) {
  const registry = new Registry({ ...options, protos: `${checkout}proto` });
  const report = new Report();

  // Results of one check that a later one needs. References contain the run, so that the client can run again on the same data.
  const run = { id: `independent-client-${new Date().toISOString()}` };
  try {
    await checkAccess(registry, report);
    await checkRegistration(registry, report, run);
    await checkOrders(registry, report, run);
    await checkAttach(registry, report, run);
    await checkFeed(registry, report, run);
  } finally {
    registry.close();
  }

  return report.finish();
}

let options;
try {
  options = readOptions();
} catch (fault) {
  console.error(`${fault.message}\n\n${usage}`);
  process.exit(2);
}

if (options.help) console.log(usage);
else process.exitCode = (await runChecks(options)) ? 0 : 1;
