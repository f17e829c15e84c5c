// Waiting between attempts.

// The longest waits before the second, third and fourth attempt, in milliseconds. All of them have
// to fit into the time that the host gives to a request.
const DELAYS = [200, 400, 800];

/**
 * Waits after the attempt of this number, between half of its delay and all of it, so that those
 * who failed together don't come back together. Returns false if there is to be no other attempt.
 */
export async function pause(attempt) {
  const delay = DELAYS[attempt - 1];
  if (delay === undefined) {
    return false;
  }
  await new Promise((wake) => setTimeout(wake, (delay / 2) * (1 + Math.random())));
  return true;
}
