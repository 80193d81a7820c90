import { mkdir, readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { inProcess, inThreads } from '../../src/host/files/waiting.ts';
import { makeFiles, useFolder } from './files-setup.ts';

const at = useFolder();

describe.each([
  ['in threads', inThreads],
  ['in-process', inProcess],
])('changes %s', (_way, waiting) => {
  const files = makeFiles(undefined, waiting);

  it('are whole, and may be said again', async () => {
    const text = 'zwölf'.repeat(50_000);
    await files.writeDurably(at('record'), 'one');
    await files.writeDurably(at('record'), text);
    expect(await readFile(at('record'), 'utf8')).toBe(text);
    expect(await files.makeLink(at('claim'), undefined, 'owner')).toBe(true);
    expect(await files.makeLink(at('claim'), undefined, 'other')).toBe(false);
    expect(await files.readLink(at('claim'))).toBe('owner');
    expect(await files.makeFolder(at('volume'), 0o777)).toBe(true);
    expect(await files.makeFolder(at('volume'), 0o777)).toBe(false);
    await mkdir(at('trash'));
    expect(await files.moveFolder(at(''), 'volume', 'trash/volume')).toBe(true);
    expect(await files.moveFolder(at(''), 'volume', 'trash/volume')).toBe(false);
    const claim = { path: at('claim'), text: 'owner' };
    for (const isMade of [true, false]) expect(await files.makeFolder(at('volume'), 0o777, 'now', claim)).toBe(isMade);
    expect(await files.moveFolder(at(''), 'volume', 'trash/second', claim)).toBe(true);
    for (const name of ['claim', 'record', 'missing']) await files.removeDurably(at(name));
    await files.removeFile(at('missing'));
    expect(await files.readLink(at('claim'))).toBeUndefined();
    expect(await readdir(at(''))).toEqual(['trash']);
  });

  it('fail with the errors of the system, and leave nothing', async () => {
    await mkdir(at('folder'));
    await expect(files.writeDurably(at('folder'), 'x')).rejects.toMatchObject({ code: 'EISDIR', syscall: 'rename' });
    await expect(files.writeDurably(at('missing/file'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(files.removeFile(at('folder'))).rejects.toMatchObject({ code: 'EISDIR', syscall: 'unlink' });
    await expect(files.readLink(at('folder'))).rejects.toMatchObject({ code: 'EINVAL' });
    await files.writeDurably(at('file'), 'x');
    await expect(files.makeFolder(at('file'), 0o700)).rejects.toMatchObject({ code: 'EEXIST', syscall: 'mkdir' });
    expect((await readdir(at(''))).sort()).toEqual(['file', 'folder']);
  });
});
