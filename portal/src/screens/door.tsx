import { useQuery } from '@tanstack/react-query'
import type { Trouble } from '../api/problem'
import { Failed } from '../parts/panel'

/** Where nobody is known yet. */
export function SignedOut({ trouble }: { trouble: Trouble | null }) {
  const provider = useQuery({
    queryKey: ['provider'],
    queryFn: async () => (await fetch('/api/v1/sign-in')).ok,
    staleTime: Number.POSITIVE_INFINITY,
  })
  return (
    <main className="door">
      <div>
        <h1>Allotment</h1>
        <p className="faint">Shared GPUs, fairly divided.</p>
        {trouble && <Failed trouble={trouble} />}
        {provider.data === true && (
          <a className="act first" href="/sign-in">
            Sign in
          </a>
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
