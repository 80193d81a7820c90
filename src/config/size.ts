const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

const PATTERN = /^(?<number>\d{1,16}(?:\.\d{1,6})?)(?<unit>k|M|G|T|Ki|Mi|Gi|Ti|)$/;

/**
 * A size in bytes, written as a number or as Kubernetes writes quantities: `10Gi`, `1.5Ti`, `500M`.
 * @returns whole bytes; undefined where it is none (negative, a fraction of a byte, beyond 2^53, another unit)
 */
export function parseSize(value: string | number): number | undefined {
  const match = typeof value === 'string' ? PATTERN.exec(value)?.groups : undefined;
  const bytes = typeof value === 'number' ? value : Number(match?.number) * (FACTORS[match?.unit ?? ''] ?? Number.NaN);
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined;
}
