import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../src/errors.ts';
import type { Content } from './model.ts';

/** A volume's content, as the model knows it: so many files, or places on a device, each full of one byte. */
export const SLOTS = 3;
const SLOT_BYTES = 16 * 1024;
/** Where a device's slots begin; so the first blocks stay zero and no program takes the device for something else. */
const FIRST_SLOT_BYTES = 1024 ** 2;

/** What a kernel says to whoever would write where only reading is allowed. */
const REFUSED: readonly string[] = ['EROFS', 'EACCES', 'EPERM'];

/** Writes one slot down to the disk; value 0 empties it. @returns false where the target is read-only */
export async function writeSlot(
  access: 'mount' | 'block',
  path: string,
  slot: number,
  value: number,
): Promise<boolean> {
  try {
    if (access === 'block') await writePlace(path, slot, value);
    else if (value === 0) await removeFile(path, slot);
    else await writeFile(fileOf(path, slot), bytesOf(value), { flush: true });
    return true;
  } catch (error) {
    if (REFUSED.includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** Every slot that holds something, in order. Throws where one holds anything but one byte again and again. */
export async function readSlots({ access }: { readonly access: 'mount' | 'block' }, path: string): Promise<Content> {
  const found = new Map<number, number>();
  for (let slot = 0; slot < SLOTS; slot++) {
    const bytes = access === 'block' ? await readPlace(path, slot) : await readFileOf(path, slot);
    const [value = 0] = bytes;
    if (bytes.length !== 0 && !bytes.equals(bytesOf(value))) throw new Error(`slot ${slot} of ${path} is torn`);
    if (value !== 0) found.set(slot, value);
  }
  return found;
}

const fileOf = (path: string, slot: number) => join(path, `slot-${slot}`);
const bytesOf = (value: number) => Buffer.alloc(SLOT_BYTES, value);
const placeOf = (slot: number) => FIRST_SLOT_BYTES + slot * SLOT_BYTES;

/** A folder that cannot be written refuses this too, so nothing tells it from an absent file but writing. */
async function removeFile(path: string, slot: number): Promise<void> {
  await writeFile(fileOf(path, slot), '');
  await rm(fileOf(path, slot));
}

async function readFileOf(path: string, slot: number): Promise<Buffer> {
  try {
    return await readFile(fileOf(path, slot));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

async function writePlace(path: string, slot: number, value: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.write(bytesOf(value), 0, SLOT_BYTES, placeOf(slot));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readPlace(path: string, slot: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SLOT_BYTES), 0, SLOT_BYTES, placeOf(slot));
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** True if a device has that many bytes, and no more. */
export async function isOfSize(path: string, sizeBytes: number): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    return (await handle.read(Buffer.alloc(2), 0, 2, sizeBytes - 1)).bytesRead === 1;
  } finally {
    await handle.close();
  }
}
