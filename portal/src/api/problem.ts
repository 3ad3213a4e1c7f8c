import type { Problem } from './schema'

/** What went wrong, as the server tells it (RFC 9457), or as far as this browser knows. */
export class Trouble extends Error {
  constructor(
    readonly status: number,
    readonly what: string,
    readonly why: string,
    readonly fix: string,
    readonly requestId: string,
    readonly page: string,
  ) {
    super(what)
    this.name = 'Trouble'
  }

  get signedOut(): boolean {
    return this.status === 401
  }

  get missing(): boolean {
    return this.status === 404
  }

  /** Whether asking again may help. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** Of an answer that is none. */
export async function troubleOf(answer: Response): Promise<Trouble> {
  const requestId = answer.headers.get('x-request-id') ?? ''
  try {
    const told = (await answer.json()) as Partial<Problem>
    return new Trouble(
      answer.status,
      told.what || told.title || 'the server refused this',
      told.why ?? '',
      told.fix ?? '',
      requestId,
      told.type ?? '',
    )
  } catch {
    return new Trouble(answer.status, 'the server refused this and did not say why', '', 'ask again', requestId, '')
  }
}

/** Of whatever was thrown. */
export function asTrouble(error: unknown): Trouble {
  if (error instanceof Trouble) return error
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return new Trouble(0, 'the server has not answered in time', 'nothing came for 15 seconds', 'ask again', '', '')
  if (error instanceof TypeError)
    return new Trouble(0, 'the server does not answer', 'the connection failed', 'ask again; `allot up` starts it', '', '')
  return new Trouble(0, 'this page made a mistake', error instanceof Error ? error.message : String(error), 'load it again', '', '')
}
