// One line a check, and the sum at the end.

export class Report {
  #passed = 0;
  #failed = 0;

  /** Runs one check. It passed if it did not throw; whatever it throws is a finding, and the next check goes on. */
  async check(sentence, proof) {
    try {
      await proof();
      this.#passed++;
      console.log(`ok - ${sentence}`);
    } catch (fault) {
      this.#failed++;
      console.log(`FAILED - ${sentence}: ${oneLine(fault?.message ?? String(fault))}`);
    }
  }

  /** Prints the sum; true if every check passed. No check at all is no pass. */
  finish() {
    console.log(`independent client: ${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0 && this.#passed > 0;
  }
}

function oneLine(text) {
  return text.replace(/\s+/g, ' ').trim();
}
