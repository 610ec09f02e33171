import { expectSuccess, isGone, readJson } from './api-answers.ts'
import type { ApiAnswer } from './api-client.ts'
import { WorkerError } from './errors.ts'

/** What a video's segments are encrypted with, and where players get it. The key is for memory alone: no log, no file. */
export interface VideoKey {
  /** 16 bytes. */
  readonly key: Buffer
  /** For playlists, so public. */
  readonly uri: string
}

const keyBytes = 16
const longestUri = 2048

/**
 * Reads the answer to a request for a key: `{key, uri}`, the key in base64. Throws key_unavailable for a video that the
 * API does not know (yet: its row may be saved late), and for what cannot be used; its words never hold the answer.
 */
export function readVideoKey(answer: ApiAnswer): VideoKey {
  if (isGone(answer)) throw unavailable(`the API does not know the video (${answer.status})`)
  expectSuccess('key', answer)
  const { key: text, uri } = readJson(answer)
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/]{22}==$/.test(text))
    throw unavailable(`the API’s key is not ${keyBytes} bytes in base64`)
  if (typeof uri !== 'string' || uri.length > longestUri || !/^[\x21\x23-\x7e]+$/.test(uri))
    throw unavailable('the API’s key has no address that can stand in a playlist')
  const key = Buffer.from(text, 'base64')
  // A playlist with the key in it would be no encryption.
  const spelled = [text, key.toString('base64url'), key.toString('hex')]
  if (/^data:/i.test(uri) || spelled.some((word) => uri.toLowerCase().includes(word.toLowerCase())))
    throw unavailable('the address of the API’s key is the key itself')
  return { key, uri }
}

function unavailable(message: string): WorkerError {
  return new WorkerError('key_unavailable', message)
}
