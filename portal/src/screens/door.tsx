import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { asTrouble, type Trouble } from '../api/problem'
import { leaveToSignIn } from '../api/session'
import { Failed } from '../parts/panel'

/** Where an address leads to no screen. */
export function Nowhere() {
  return (
    <>
      <h1>There is no such page</h1>
      <p className="faint">The address is mistyped, or what stood here has moved. Search finds screens and jobs.</p>
    </>
  )
}

/** Where nobody is known yet. */
export function SignedOut({ trouble }: { trouble: Trouble | null }) {
  const [failed, setFailed] = useState<Trouble | null>(null)
  const told = failed ?? trouble
  const provider = useQuery({
    queryKey: ['provider'],
    queryFn: async () => (await fetch('/api/v1/sign-in')).ok,
    staleTime: Number.POSITIVE_INFINITY,
  })
  return (
    <main className="door">
      <div>
        <div className="door-mark">
          <img src="/mark.svg" alt="" width="40" height="40" />
          <div>
            <h1>Allotment</h1>
            <p className="faint">Shared GPUs, fairly divided.</p>
          </div>
        </div>
        {told && <Failed trouble={told} {...(told.passing ? { again: () => location.reload() } : {})} />}
        {provider.data === true && (
          <button type="button" className="act first" onClick={() => void leaveToSignIn().catch((error: unknown) => setFailed(asTrouble(error)))}>
            Sign in
          </button>
        )}
        {provider.data === false && (
          <p>
            This server knows no identity provider. On its own machine, <code>allot open</code> opens the portal as the
            user whose server it is.
          </p>
        )}
      </div>
    </main>
  )
}
