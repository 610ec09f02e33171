import { createCipheriv } from 'node:crypto'

/** Encrypts a whole segment; sequence: its place in the playlist, counted from 0. */
export type Seal = (data: Buffer, sequence: number) => Buffer

/**
 * METHOD=AES-128 (RFC 8216 4.3.2.4): CBC with PKCS7 padding, each segment by itself. The initialization vector is the
 * segment's media sequence number, which any worker knows and no playlist has to say: ours all begin at 0.
 */
export function sealWith(key: Buffer): Seal {
  return (data, sequence) => {
    const vector = Buffer.alloc(16)
    vector.writeUInt32BE(sequence, 12)
    const cipher = createCipheriv('aes-128-cbc', key, vector)
    return Buffer.concat([cipher.update(data), cipher.final()])
  }
}
