/** The part of the SDK's middleware stack that the product adds to. */
type Next = (args: { input: object; request: object }) => Promise<unknown>
type Middleware = (next: Next) => Next

export interface Middlewares {
  add(middleware: Middleware, options: object): void
  run(command: { input: object }, last: () => Promise<unknown>): Promise<unknown>
}

export function middlewares(): Middlewares {
  const added: Middleware[] = []
  return {
    add(middleware) {
      added.push(middleware)
    },
    run({ input }, last) {
      const request = { method: 'GET', headers: {} }
      const first = added.reduceRight<Next>((next, middleware) => middleware(next), last)
      return first({ input, request })
    },
  }
}
