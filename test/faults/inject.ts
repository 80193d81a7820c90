import type { Host } from '../../src/host/host.ts';

/** Whether a method of the host changes something that outlives the process, or only looks. */
export type Effect = 'changes' | 'reads';

/** Every method of the host, by the interface's own keys: a new one does not compile until it is classified. */
const EFFECTS: { readonly [Group in keyof Host]: { readonly [Method in keyof Host[Group]]: Effect } } = {
  files: {
    read: 'reads',
    readAll: 'reads',
    readStart: 'reads',
    list: 'reads',
    stat: 'reads',
    statfs: 'reads',
    isWritable: 'reads',
    resolveParent: 'reads',
    measureSmallTree: 'reads',
    writeDurably: 'changes',
    removeDurably: 'changes',
    makeFolder: 'changes',
    makeFolders: 'changes',
    touch: 'changes',
    removeFolder: 'changes',
    removeFile: 'changes',
    removeTree: 'changes',
    rename: 'changes',
    moveFolder: 'changes',
    makeLink: 'changes',
    readLink: 'reads',
    chown: 'changes',
    chmod: 'changes',
    createSparse: 'changes',
    grow: 'changes',
    allocate: 'changes',
    clone: 'changes',
    canClone: 'reads', // its two files are gone when it answers
    copy: 'changes',
    copyTree: 'changes',
    recover: 'changes',
    sync: 'changes',
    openFolder: 'reads',
    openPath: 'reads',
    makeBeneath: 'changes',
    lock: 'changes',
  },
  mounts: {
    table: 'reads',
    bind: 'changes',
    bindOpened: 'changes',
    setFlags: 'changes',
    detach: 'changes',
    mountDevice: 'changes',
    unmountDevice: 'changes',
    mountMemory: 'changes',
    resizeMemory: 'changes',
  },
  nfs: { mount: 'changes', unmount: 'changes', recover: 'changes' },
  nfsServer: { prepare: 'changes', run: 'changes', clients: 'reads', heldFiles: 'reads', expire: 'changes' },
  nfsExports: { list: 'reads', add: 'changes', remove: 'changes' },
  loops: {
    find: 'reads',
    list: 'reads',
    attach: 'changes',
    detach: 'changes',
    resize: 'changes',
    setReadOnly: 'changes',
    isReadOnly: 'reads',
  },
  disks: { find: 'reads', isHeld: 'reads' },
  quotas: {
    enforced: 'reads',
    project: 'reads',
    setProject: 'changes',
    setLimits: 'changes',
    usage: 'reads',
    usages: 'reads',
    repairTree: 'changes',
  },
  btrfs: {
    createSubvolume: 'changes',
    snapshot: 'changes',
    snapshotTogether: 'changes',
    subvolume: 'reads',
    subvolumeIdAt: 'reads',
    nested: 'reads',
    isKnown: 'reads',
    destroySubvolume: 'changes',
    makeWritable: 'changes',
    commit: 'reads', // what is written is what was changed before
    dataBytes: 'reads',
    deviceErrors: 'reads',
    qgroups: 'reads',
    relations: 'reads',
    enableQuotas: 'changes',
    createQgroup: 'changes',
    removeQgroup: 'changes',
    limitQgroup: 'changes',
    assignQgroup: 'changes',
    unassignQgroup: 'changes',
    startRescan: 'changes',
    setFolderOptions: 'changes',
  },
  freezer: { freeze: 'changes', thaw: 'changes' },
  commands: { run: 'changes' },
};

/** One call of a host's method. Both numbers count from 0 since the host was armed; what is cached changes the number of looks, not of changes. */
export interface Call {
  readonly index: number; // among all calls
  readonly ordinal: number; // among those of the same effect
  readonly method: string; // files.rename
  readonly effect: Effect;
}

/**
 * What happens at a call: `fail`: it throws EIO, once; `die`: it does, and so does every later one, as if the process were dead;
 * `kill`: the process is. Each before the call is done, or after it.
 */
export type How = 'fail-before' | 'fail-after' | 'die-before' | 'die-after' | 'kill-before' | 'kill-after';

export interface Fault {
  readonly at: (call: Call) => boolean;
  readonly how: How;
}

/** A host whose calls are counted, and of which one can be made to fail. */
export interface FaultyHost {
  readonly host: Host;
  /** Counts from 0 again, with this fault to come; without one only counts. */
  arm(fault?: Fault): void;
  /** Takes back a fault that is still to come. */
  disarm(): void;
  /** The calls since it was armed. */
  calls(): readonly Call[];
  /** The call that the fault struck. */
  struck(): Call | undefined;
  /** Settles when the fault strikes. */
  readonly strike: Promise<void>;
  /** From now on every call fails: what the process was is dead. */
  cutOff(): void;
  /** Settles when no call is under way any more. */
  settled(): Promise<void>;
}

export function injectFaults(real: Host): FaultyHost {
  let fault: Fault | undefined;
  let calls: Call[] = [];
  let hit: Call | undefined;
  let isCutOff = false;
  const running = new Set<Promise<unknown>>();
  let onStrike = () => {};
  const strike = new Promise<void>((resolve) => {
    onStrike = resolve;
  });

  function meet(call: Call, when: 'before' | 'after', how: How): void {
    if (!how.endsWith(when)) return;
    hit = call;
    onStrike();
    if (how.startsWith('kill')) process.kill(process.pid, 'SIGKILL');
    if (how.startsWith('die')) isCutOff = true;
    throw inputOutputError(call.method);
  }

  async function pass(method: string, effect: Effect, act: () => unknown): Promise<unknown> {
    if (isCutOff) throw inputOutputError(method);
    const ordinal = calls.filter((earlier) => earlier.effect === effect).length;
    const call = { index: calls.length, ordinal, method, effect };
    calls.push(call);
    const due = hit === undefined && fault?.at(call) === true ? fault.how : undefined;
    if (due !== undefined) meet(call, 'before', due);
    const result = await act();
    if (due !== undefined) {
      await letGo(result);
      meet(call, 'after', due);
    }
    return result;
  }

  async function* iterate(method: string, effect: Effect, items: AsyncIterable<unknown>): AsyncIterable<unknown> {
    await pass(method, effect, () => undefined);
    yield* items;
  }

  function through(method: string, effect: Effect, act: () => unknown): unknown {
    if (method === 'files.readAll') {
      const items = act();
      if (isIterable(items)) return iterate(method, effect, items);
    }
    const call = pass(method, effect, act);
    running.add(call);
    const forget = () => running.delete(call);
    call.then(forget, forget);
    return call;
  }

  function wrap<Group extends object>(group: Group, name: keyof Host): Group {
    return new Proxy(group, {
      get(target, property) {
        const method: unknown = Reflect.get(target, property);
        const effect: unknown = Reflect.get(EFFECTS[name], property);
        if (typeof method !== 'function' || (effect !== 'changes' && effect !== 'reads')) return method;
        return (...args: unknown[]) =>
          through(`${name}.${String(property)}`, effect, () => Reflect.apply(method, target, args));
      },
    });
  }

  return {
    host: {
      files: wrap(real.files, 'files'),
      mounts: wrap(real.mounts, 'mounts'),
      nfs: wrap(real.nfs, 'nfs'),
      nfsServer: wrap(real.nfsServer, 'nfsServer'),
      nfsExports: wrap(real.nfsExports, 'nfsExports'),
      loops: wrap(real.loops, 'loops'),
      disks: wrap(real.disks, 'disks'),
      quotas: wrap(real.quotas, 'quotas'),
      btrfs: wrap(real.btrfs, 'btrfs'),
      freezer: wrap(real.freezer, 'freezer'),
      commands: wrap(real.commands, 'commands'),
    },
    arm(next) {
      fault = next;
      calls = [];
      hit = undefined;
      isCutOff = false;
    },
    disarm() {
      fault = undefined;
    },
    calls: () => calls,
    struck: () => hit,
    strike,
    cutOff() {
      isCutOff = true;
    },
    async settled() {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}

/** The error that a failing disk gives. */
function inputOutputError(method: string): Error {
  return Object.assign(new Error(`EIO: injected at ${method}`), { code: 'EIO', errno: -5, syscall: method });
}

/** Gives back what a call that is then said to have failed had taken of this process: a lock, a descriptor. */
async function letGo(result: unknown): Promise<void> {
  if (typeof result !== 'object' || result === null) return;
  for (const name of ['release', 'close']) {
    const end: unknown = Reflect.get(result, name);
    if (typeof end === 'function') await Reflect.apply(end, result, []);
  }
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
