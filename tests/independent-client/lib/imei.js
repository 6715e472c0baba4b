// Printed IMEIs: 14 digits and a check digit.
import { randomInt } from 'node:crypto';

/** The check digit of 14 digits (TS 23.003 Annex B): double every second digit, add all digits, and complete the sum to a multiple of ten. */
export function checkDigit(digits14) {
  const sum = [...digits14].map(Number)
    .map((digit, i) => (i % 2 === 0 ? digit : Math.floor(digit * 2 / 10) + digit * 2 % 10))
    .reduce((total, digit) => total + digit, 0);
  return (10 - sum % 10) % 10;
}

/** 14 digits under a TAC, probably unused: the chance of a collision is one in a million for each used IMEI. */
export function newImei(tac) {
  return tac + String(randomInt(1_000_000)).padStart(6, '0');
}
