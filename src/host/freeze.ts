/** Freezing of mounted file systems (fsfreeze(8), FIFREEZE/FITHAW). */
export interface Freezer {
  /** Writes back and stops writes to the file system mounted at `mountPoint`. 'busy' StowageError where it is frozen already (EBUSY). */
  freeze(mountPoint: string, signal: AbortSignal): Promise<void>;
  /** Undoes it; nothing where it is not frozen (EINVAL). Never aborted. */
  thaw(mountPoint: string): Promise<void>;
}
