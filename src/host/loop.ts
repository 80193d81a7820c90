/** A loop device with a backing file. */
export interface LoopDevice {
  readonly path: string; // /dev/loop7
  readonly number: string; // major:minor
  readonly backingFile: string; // as the kernel shows it
}

export interface LoopOptions {
  readonly blockSizeBytes: number; // logical block size, 512 or 4096
  readonly readOnly: boolean;
}

/** Loop devices (loop(4), LOOP_CONFIGURE). A file's identity is its device and inode, not its path. */
export interface Loops {
  /** The device that has this file attached; undefined where there is none or the file is missing. */
  find(file: string): Promise<LoopDevice | undefined>;
  /** Every attached loop device, from sysfs. */
  list(): Promise<LoopDevice[]>;
  /** Attaches the file with direct I/O (buffered where its file system refuses that), or returns the device that has it already. Takes a free device, also when others race for it. */
  attach(file: string, options: LoopOptions): Promise<LoopDevice>;
  /** Detaches (LOOP_CLR_FD) and makes sure that it is gone: 'busy' StowageError where something still has the device open or mounted. Nothing where it is not attached. */
  detach(file: string): Promise<void>;
  /** Tells the device its file's new size (LOOP_SET_CAPACITY). */
  resize(file: string): Promise<void>;
}
