import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import got from 'got'
import { WorkerError } from './errors.ts'
import { monotonicMs } from './time.ts'

/** It is on the same host: what takes longer is not there, or is a container's hop too far away. */
const answerMs = 1_000

/** The longest life that a token may have. */
const tokenSeconds = 21_600

/** A token is renewed when this part of its life is over: long before it is refused. */
const tokenUse = 0.9

/** The metadata of the EC2 instance that this process runs on, by IMDSv2: a token first, then paths below it. */
export interface Metadata {
  /**
   * The text at `/latest/meta-data/{path}`; undefined when there is none (404), which is normal. Throws
   * metadata_unavailable for everything else, an abort its reason.
   */
  get(path: string, signal: AbortSignal): Promise<string | undefined>
  close(): void
}

export interface MetadataOptions {
  /** Scheme and host, without a final slash. */
  readonly endpoint: string
  /** Told of each answer: a path's text or its absence, a token that was refused and renewed, or no good answer. */
  onAnswer?(result: 'found' | 'absent' | 'renewed' | 'error', path: string): void
}

export function openMetadata({ endpoint, onAnswer = () => {} }: MetadataOptions): Metadata {
  const agent = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) }
  const client = got.extend({
    agent,
    retry: { limit: 0 },
    timeout: { request: answerMs },
    throwHttpErrors: false,
    followRedirect: false,
  })
  let token: { text: string; untilMs: number } | undefined

  async function call(method: 'GET' | 'PUT', path: string, headers: object, signal: AbortSignal) {
    signal.throwIfAborted()
    try {
      return await client(`${endpoint}/latest/${path}`, { method, headers: { ...headers }, signal })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      // got's error holds the request with its token.
      throw unavailable(path, `no answer (${(error as { code?: string }).code ?? 'unknown'})`)
    }
  }

  async function freshToken(signal: AbortSignal): Promise<string> {
    const askedMs = monotonicMs()
    if (token && askedMs < token.untilMs) return token.text
    const wanted = { 'x-aws-ec2-metadata-token-ttl-seconds': String(tokenSeconds) }
    const answer = await call('PUT', 'api/token', wanted, signal)
    if (answer.statusCode !== 200) throw unavailable('api/token', `status ${answer.statusCode}`)
    const given = Number(answer.headers['x-aws-ec2-metadata-token-ttl-seconds'] ?? tokenSeconds)
    token = { text: answer.body, untilMs: askedMs + given * 1000 * tokenUse }
    return token.text
  }

  async function ask(path: string, signal: AbortSignal): Promise<string | undefined> {
    for (let tries = 1; ; tries++) {
      const headers = { 'x-aws-ec2-metadata-token': await freshToken(signal) }
      const { statusCode, body } = await call('GET', `meta-data/${path}`, headers, signal)
      if (statusCode === 200) return body
      if (statusCode === 404) return undefined
      // The token is not taken any more: one new one, and a second refusal is another matter.
      if (statusCode !== 401 || tries > 1) throw unavailable(path, `status ${statusCode}`)
      token = undefined
      onAnswer('renewed', path)
    }
  }

  return {
    async get(path, signal) {
      try {
        const text = await ask(path, signal)
        onAnswer(text === undefined ? 'absent' : 'found', path)
        return text
      } catch (error) {
        if (!signal.aborted) onAnswer('error', path)
        throw error
      }
    },
    close() {
      agent.http.destroy()
      agent.https.destroy()
    },
  }
}

function unavailable(path: string, answer: string): WorkerError {
  return new WorkerError('metadata_unavailable', `The instance metadata did not give ${path}: ${answer}`)
}
