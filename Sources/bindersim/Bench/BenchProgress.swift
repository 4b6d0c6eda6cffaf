/// Says between rounds, on a terminal, which part of a benchmark runs. Never while something is timed.
final class BenchProgress {
  private var progress = Progress(interval: .zero)

  func show(_ subject: String, round: Int, of rounds: Int) {
    progress.show { "\(subject), round \(round + 1) of \(rounds)" }
  }

  func show(_ subject: String) { progress.show { subject } }

  func clear() { progress.clear() }
}
