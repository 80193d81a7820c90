import { describe, expect, it } from '@jest/globals';
import { bindAsyncCall, bindCall, bindSyscall, systemError } from '../../src/host/libc.ts';

const NO_SUCH_SYSCALL = 2_000_000;

describe('systemError', () => {
  it('has the form of the errors of Node itself', () => {
    const error = systemError(2, 'open', '/nowhere');
    expect(error).toMatchObject({ code: 'ENOENT', errno: -2, syscall: 'open', path: '/nowhere' });
    expect(error.message).toBe("ENOENT: no such file or directory, open '/nowhere'");
  });

  it('names errors that the map of Node lacks', () => {
    expect(systemError(122, 'write').code).toBe('EDQUOT');
    expect(systemError(4000, 'write').code).toBe('E4000');
  });

  it('has no path where none was given', () => {
    expect(systemError(2, 'open')).not.toHaveProperty('path');
  });
});

describe('bindCall', () => {
  it('returns what the C function returns', () => {
    expect(bindCall('int getpid()')(undefined)).toBe(process.pid);
  });

  it('throws the errno of the call, naming the path', () => {
    const chdir = bindCall('int chdir(const char *path)');
    expect(() => chdir('/proc/nowhere', '/proc/nowhere')).toThrow(
      expect.objectContaining({ code: 'ENOENT', syscall: 'chdir', path: '/proc/nowhere' }),
    );
  });

  it('lets the function write into a buffer', () => {
    const gethostname = bindCall('int gethostname(void *name, size_t length)');
    const name = Buffer.alloc(256);
    gethostname(undefined, name, name.length);
    expect(name.indexOf(0)).toBeGreaterThan(0);
  });
});

describe('bindAsyncCall', () => {
  it('gives the errno of its own thread, also with several calls at once', async () => {
    const chdir = bindAsyncCall('int chdir(const char *path)');
    const paths = Array.from({ length: 16 }, (_, index) => (index % 2 === 0 ? '/proc/nowhere' : '/proc/version'));
    const outcomes = await Promise.allSettled(paths.map((path) => chdir(path, path)));
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'fulfilled'))).toEqual(
      paths.map((path) => (path === '/proc/nowhere' ? 'ENOENT' : 'ENOTDIR')),
    );
  });
});

describe('bindSyscall', () => {
  it('throws ENOSYS, under the name given, where the kernel lacks the call', () => {
    const call = bindSyscall('imagined', NO_SUCH_SYSCALL, 'int argument');
    expect(() => call(undefined, 0)).toThrow(expect.objectContaining({ code: 'ENOSYS', syscall: 'imagined' }));
  });
});
