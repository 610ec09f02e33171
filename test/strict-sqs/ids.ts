/** A version 4 UUID out of given chance, so that a run with the same seed has the same ones. */
export function makeId(random: () => number): string {
  const bytes = Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Buffer.from(bytes).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const prefix = 'AQEB'

/** Opaque to clients, and another one at every receive. */
export function makeHandle(queue: string, messageId: string, receiveCount: number): string {
  return prefix + Buffer.from(`${queue} ${messageId} ${receiveCount}`).toString('base64')
}

/** Whether a handle may be one of the queue's, by its form alone. */
export function isHandleOf(queue: string, handle: string): boolean {
  if (!handle.startsWith(prefix)) return false
  const [of, messageId, count] = Buffer.from(handle.slice(prefix.length), 'base64').toString().split(' ')
  return of === queue && /^[0-9a-f-]{36}$/.test(messageId ?? '') && /^\d+$/.test(count ?? '')
}
