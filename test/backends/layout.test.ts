import { expect, it } from '@jest/globals';
import type { ImageContent } from '../../src/backends/backend.ts';
import { madeFsType } from '../../src/backends/layout.ts';

const xfs: ImageContent = { type: 'mount', fsType: 'xfs' };

it('tells the file system that was made, whatever it lies on', () => {
  expect(madeFsType({ backend: 'image', content: xfs, blockSizeBytes: 4096, preallocated: false })).toBe('xfs');
  expect(madeFsType({ backend: 'lvm', type: 'thin', content: xfs })).toBe('xfs');
  expect(madeFsType({ backend: 'disk', disk: 'wwn-1', content: xfs })).toBe('xfs');
});

it('tells none where none was made', () => {
  expect(madeFsType({ backend: 'lvm', type: 'thick', content: { type: 'block' } })).toBeUndefined();
  expect(madeFsType({ backend: 'disk', disk: 'wwn-1', content: { type: 'folder' } })).toBeUndefined();
  expect(madeFsType({ backend: 'memory' })).toBeUndefined();
});
