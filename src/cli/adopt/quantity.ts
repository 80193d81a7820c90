const POWERS: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const QUANTITY = /^\+?(?<number>\d{1,19}(?:\.\d{0,9})?)(?:[eE](?<exponent>\d{1,2})|(?<unit>[kMGTPE]i?|Ki|m|))$/;

/**
 * The bytes of a quantity as Kubernetes writes it (resource.Quantity), rounded up: `10Gi`, `1.5T`, `1e9`, `128000m`.
 * @returns undefined for what is none, or more than 2^53
 */
export function parseQuantity(text: string): number | undefined {
  const { number, exponent, unit = '' } = QUANTITY.exec(text)?.groups ?? {};
  const factor = exponent === undefined ? POWERS[unit] : 10 ** Number(exponent);
  if (number === undefined || factor === undefined) return undefined;
  const bytes = Math.ceil(Number(number) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
