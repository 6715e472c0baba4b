// Compares the contract with proto/released.binpb. Enforced from tag v1.0.0 on; before it the image may be older than the contract.
// A copy of the contract with one renamed field must always fail the comparison, which shows that the comparison works.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const proto = join(here, '..', '..', 'proto');
const packages = join(here, 'node_modules', '@bufbuild');
const buf = join(packages, readdirSync(packages).find((name) => name.startsWith('buf-linux-')), 'bin', 'buf');

function compare(folder) {
  const run = spawnSync(buf, ['breaking', folder, '--against', join(proto, 'released.binpb')], { encoding: 'utf8' });
  if (run.error) throw run.error;
  return { status: run.status, output: run.stdout + run.stderr };
}

function compareRenamed() {
  const copy = mkdtempSync(join(tmpdir(), 'renamed-field-'));
  try {
    cpSync(proto, copy, { recursive: true });
    const file = join(copy, 'deviceregistry', 'v1', 'attach.proto');
    const text = readFileSync(file, 'utf8');
    const renamed = text.replace(/(message CheckRequest \{[^}]*?string )imei( = 1;)/, '$1imei_renamed$2');
    if (renamed === text) throw new Error('CheckRequest has no field "string imei = 1" to rename');
    writeFileSync(file, renamed);
    return compare(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function isReleased() {
  const tag = spawnSync('git', ['-C', here, 'tag', '--list', 'v1.0.0'], { encoding: 'utf8' });
  return tag.status === 0 && tag.stdout.trim() !== '';
}

const failures = [];
const renamed = compareRenamed();
if (renamed.status === 0 || !renamed.output.includes('"CheckRequest"') || !renamed.output.includes('"imei_renamed"')) {
  failures.push(`A renamed field of CheckRequest was not reported (status ${renamed.status}):\n${renamed.output}`);
}

if (isReleased()) {
  const contract = compare(proto);
  if (contract.status !== 0) failures.push(`The contract breaks with proto/released.binpb:\n${contract.output}`);
} else {
  console.log('tag v1.0.0 is absent: the contract is not compared with proto/released.binpb');
}

for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;
