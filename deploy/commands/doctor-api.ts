import { openApi } from '../../shared/api.ts'
import type { Config } from '../../shared/config.ts'
import type { CommandContext } from './context.ts'
import type { Notes } from './finding.ts'

/** Asks for a heartbeat of video 0, which no video has: 404 says that the token is good, and nothing is changed. */
export async function checkApi(config: Config, notes: Notes, { signal }: CommandContext): Promise<void> {
  const { api, catalog } = config
  const statuses: string[] = []
  const client = openApi(config, { onCall: (_name, result) => statuses.push(result) })
  try {
    const answer = await client.check(signal)
    const result = statuses.at(-1) ?? 'no answer'
    if (answer === 'ok') notes.ok(api.baseUrl, `takes the token (${result})`)
    else if (answer === 'unauthorized')
      notes.fail(
        api.baseUrl,
        `refuses the token (${result})`,
        result === '503'
          ? 'set INTERNAL_WORKER_TOKEN at the API: it has none'
          : 'set INTERNAL_WORKER_TOKEN to the one that the API has',
      )
    else
      notes.fail(
        api.baseUrl,
        `does not answer (${result})`,
        'look at API_BASE_URL, the network, and the API itself',
      )
  } finally {
    client.close()
  }
  if (catalog.baseUrl !== '' && catalog.token !== '') {
    const answer = await reach(catalog.baseUrl, signal)
    if (answer === undefined)
      notes.ok(catalog.baseUrl, 'the catalogue can be reached (its token is not tried)')
    else notes.fail(catalog.baseUrl, answer, 'look at CATALOG_API_BASE and the network, or leave it unset')
  }
}

const reachMs = 5_000

/** undefined when anything at all answers. */
async function reach(url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(reachMs) })
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    const cause = (error as { cause?: { code?: string } }).cause
    return `no answer (${cause?.code ?? (error as Error).name})`
  }
}
