export interface StopSignals {
  /** Resolves with the name of the first SIGTERM or SIGINT. */
  readonly first: Promise<string>
  /** Called for each further one: whoever sends two wants it now. */
  onAgain(listener: (name: string) => void): void
}

/** systemd and docker send SIGTERM, pm2 and a terminal SIGINT: both mean the same. Acts in the handler: lesson 17. */
export function onStopSignal(): StopSignals {
  const listeners: ((name: string) => void)[] = []
  let seen = false
  const first = new Promise<string>((resolve) => {
    const hear = (name: NodeJS.Signals) => {
      if (seen) for (const listener of listeners) listener(name)
      seen = true
      resolve(name)
    }
    process.on('SIGTERM', hear)
    process.on('SIGINT', hear)
  })
  return { first, onAgain: (listener) => listeners.push(listener) }
}
