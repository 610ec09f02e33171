/** Stands in for got under shared/api-client.ts: the reference API's own routes, without a socket. */
import { findRoute } from '../../local/reference-routes.ts'
import { here } from '../machine.ts'

interface Options {
  readonly timeout: { readonly request: number }
}

interface Request {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: string
  readonly signal: AbortSignal
}

function extend({ timeout }: Options) {
  const machine = here()
  const { world } = machine

  async function request(url: string, { method, headers, body, signal }: Request) {
    const path = new URL(url).pathname
    const json = body === '' ? undefined : (JSON.parse(body) as Record<string, unknown>)
    const name = path.split('/').findLast((part) => part !== '') ?? ''
    const answer = machine.call<{ statusCode: number; body: string; headers: { date?: string } }>({
      ...{ service: 'api', what: name, detail: `${path} ${body.slice(0, 120)}` },
      ...{ limitMs: timeout.request, signal },
      ...(typeof json?.job_id === 'string' ? { job: json.job_id } : {}),
      timedOut: () => Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' }),
      failed: (status) => Object.assign(new Error('no answer'), { code: 'ECONNRESET', status }),
      async effect() {
        const route = findRoute({ method, path, headers, text: body, json }, world.rows, async () => 0)
        const given = await route?.run()
        if (given && json && route?.videoId !== undefined)
          world.watch?.onReport(name, json, given.status, given.body)
        return { statusCode: given?.status ?? 404, body: JSON.stringify(given?.body ?? {}), headers: {} }
      },
      say: ({ statusCode, body }) => `${statusCode} ${body}`,
    })
    return answer.catch((error: unknown) => {
      const { status } = error as { status?: number }
      if (status !== undefined) return { statusCode: status, body: '{}', headers: {} }
      throw error
    })
  }
  // No answer of the reference API is so long that anybody would have to be told how much of it has come.
  return (url: string, options: Request) => Object.assign(request(url, options), { on() {} })
}

export default { extend }
