import { describe, expect, it } from '@jest/globals';
import { shellBlocks } from './pages.ts';

describe('the shell blocks of a page', () => {
  it('are its `sh` blocks alone, without the indentation of lists', () => {
    const page =
      '# A\n\n```sh\nls\n```\n\n1. b\n\n   ```sh\n   cat <<EOF\n     two\n   EOF\n   ```\n\n```yaml\na: 1\n```\n';
    expect(shellBlocks(page)).toEqual(['ls\n', 'cat <<EOF\n  two\nEOF\n']);
  });
});
