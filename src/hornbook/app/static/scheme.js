// Before the first paint: the reader's choice of light or dark, where there is one.
try {
  const chosen = localStorage.getItem("hornbook-scheme");
  if (chosen) document.documentElement.dataset.scheme = chosen;
} catch {
  // A browser that keeps nothing: the system's choice stays.
}
