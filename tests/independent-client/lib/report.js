// Prints one line per check and the totals at the end.

export class Report {
  #passed = 0;
  #failed = 0;

  /** Runs one check. It passes if it does not throw; anything it throws is reported, and the next check runs. */
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

  /** Prints the totals; returns true if at least one check ran and all passed. */
  finish() {
    console.log(`independent client: ${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0 && this.#passed > 0;
  }
}

function oneLine(text) {
  return text.replace(/\s+/g, ' ').trim();
}
