import { alongChain, type ChainVerdict, linesOf } from '../answers/audit_chain'
import { call } from '../api/client'
import { opened } from '../api/opened'
import { troubleOf } from '../api/problem'
import { textOf } from '../api/text'

/** The whole audit trail as the API exports it, oldest first. */
async function exported(signal: AbortSignal | null): Promise<ReadableStream<Uint8Array>> {
  const answer = await opened('/api/v1/audit/export', signal)
  if (!answer.body) throw await troubleOf(answer)
  return answer.body
}

/** All of it, to be kept: `allot audit verify FILE` goes along such a file. */
export async function wholeTrail(): Promise<Blob> {
  return await new Response(await exported(null)).blob()
}

/** Goes along the chain in this browser, whatever the server says of it. */
export async function verifiedTrail(signal: AbortSignal, heard: (entries: number) => void): Promise<ChainVerdict> {
  const { head } = await call('get', '/api/v1/audit/head', { signal })
  return await alongChain(linesOf(textOf(await exported(signal))), head, heard)
}
