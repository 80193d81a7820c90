import { expect, it } from '@jest/globals';
import { CONTROL } from '../../src/host/control-characters.ts';

const DELETE = 0x7f;
const SPACE = 0x20;

it('are those below a space, and DEL, of all characters', () => {
  const found: number[] = [];
  for (let code = 0; code <= 0xffff; code++) if (CONTROL.test(String.fromCharCode(code))) found.push(code);
  expect(found).toEqual([...Array(SPACE).keys(), DELETE]);
});
