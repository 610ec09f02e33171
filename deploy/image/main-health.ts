import { get } from 'node:http'

/**
 * The image's HEALTHCHECK: asks the worker's own /healthz, so that a container whose poll hangs is unhealthy, and not
 * only one whose process is gone. Prints the answer, which `docker inspect` then shows. Exit codes as Docker knows
 * them: 0 healthy, 1 not. Nothing of ours is imported: it runs every few seconds beside the encoder.
 */
const answerWithinMs = 4_000

const { HTTP_HOST = '', HTTP_PORT = '' } = process.env
const listened = HTTP_HOST.trim() || '127.0.0.1'
/** Who listens on every address is asked on loopback. */
const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

const request = get({
  host: everywhere[listened] ?? listened,
  port: Number(HTTP_PORT.trim() || 9090),
  path: '/healthz',
  signal: AbortSignal.timeout(answerWithinMs),
})
request.on('error', (error) => end(1, `no answer: ${error.message}`))
request.on('response', (response) => {
  let body = ''
  response.setEncoding('utf8')
  response.on('data', (text) => {
    body += text
  })
  response.on('error', (error) => end(1, `no answer: ${error.message}`))
  response.on('end', () => end(response.statusCode === 200 ? 0 : 1, body.trim()))
})

function end(code: 0 | 1, line: string): void {
  process.stdout.write(`${line}\n`, () => process.exit(code))
}
