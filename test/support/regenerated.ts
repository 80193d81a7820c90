import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The files of a folder and those beneath it, by their paths in it. */
type Contents = Readonly<Record<string, string>>;

/** What a folder of the repository holds, and what the script that makes it (`--out FOLDER`) makes now. */
export async function regenerated(folder: string, script: string): Promise<{ committed: Contents; made: Contents }> {
  const out = await mkdtemp(join(tmpdir(), 'stowage-regenerated-'));
  try {
    await promisify(execFile)(process.execPath, [script, '--out', out]);
    return { committed: await contents(folder), made: await contents(out) };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function contents(folder: string): Promise<Contents> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file.slice(folder.length), await readFile(file, 'utf8')])),
  );
}
