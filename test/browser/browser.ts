import { accessSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe } from '@jest/globals'
import { type Browser, chromium } from 'playwright-core'

const browserPath = findBrowser()
if (browserPath === undefined) console.warn('SKIPPED: no chromium on PATH, so no browser plays the output')
/** Of tests that need a browser: skipped without one. */
export const suite = browserPath === undefined ? describe.skip : describe

/** No sandbox: the tests may run as root in a container. The rest keeps it quiet and away from the network. */
const flags = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
]

export const patience = { timeout: 200_000 }

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath!, args: flags })
}

function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const paths = folders.flatMap((folder) =>
    ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)),
  )
  return paths.find((path) => {
    try {
      accessSync(path)
      return true
    } catch {
      return false
    }
  })
}
