/** The part of a logger that backends use: fields, then words. */
export interface BackendLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
