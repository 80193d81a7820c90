/** Control characters of ASCII: those of Unicode but for the ones from 0x80 to 0x9f, which names may hold. */
export const CONTROL = /(?![\u0080-\u009f])\p{Cc}/u;
