import { createHmac } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Redis } from 'ioredis'
import { now } from '../../shared/time.ts'
import { type ApiCallAnswer, type ApiCallRequest, keyPath } from './reference-routes.ts'
import type { ReferenceRows } from './reference-rows.ts'

/** A signature older than this is refused: the usual tolerance of webhook receivers, in seconds. */
const signatureAge = 300

/** A count that cannot be known is an error, never 0 (contract 7). */
export async function countBacklog(redis: Redis | undefined): Promise<number> {
  if (!redis) throw new Error('no Redis to count in')
  const keys = await redis.keys('tenant:*:video:backlog_count')
  const values = keys.length === 0 ? [] : await redis.mget(keys)
  return values.reduce((sum, value) => sum + Number(value ?? 0), 0)
}

export async function readRequest(http: IncomingMessage): Promise<ApiCallRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of http as AsyncIterable<Buffer>) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  const headers = Object.fromEntries(
    Object.entries(http.headers).map(([name, value]) => [name, String(value)]),
  )
  const json = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>)
  return { method: http.method ?? 'GET', path: (http.url ?? '/').split('?')[0]!, headers, text, json }
}

export function isSigned(signature: string, text: string, secret: string): boolean {
  const [, time = '', digest = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? []
  if (Math.abs(now() / 1000 - Number(time)) > signatureAge) return false
  return createHmac('sha256', secret).update(`${time}.${text}`).digest('hex') === digest
}

export function send(response: ServerResponse, { status, body }: ApiCallAnswer): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

/** A key as players ask for it: 16 bytes, for pages of any origin. Undefined when the path is no key's. */
export function keyAnswer(path: string, rows: ReferenceRows): Buffer | undefined {
  if (!path.startsWith(keyPath)) return undefined
  const key = rows.keyOf(decodeURIComponent(path.slice(keyPath.length)))
  return key === undefined ? undefined : Buffer.from(key, 'base64')
}

export function sendKey(response: ServerResponse, key: Buffer): void {
  response.writeHead(200, {
    ...{ 'content-type': 'application/octet-stream', 'content-length': key.length },
    ...{ 'access-control-allow-origin': '*', 'cache-control': 'no-store' },
  })
  response.end(key)
}
