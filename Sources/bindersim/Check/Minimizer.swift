/// Leaves steps out of a failing run for as long as it still fails (Zeller's ddmin): first large
/// parts of them, then smaller ones, until no single step can be spared or the tries are used up.
struct Minimizer {
  /// Whether a run of these steps alone fails.
  let fails: (StepSet) -> Bool
  /// Ends it with the smallest set found so far.
  var shouldStop: () -> Bool = { Interrupt.wasRequested }
  var tries = 2000

  mutating func minimize(_ failing: StepSet) -> StepSet {
    var steps = failing.steps
    var parts = 2
    while steps.count > 1, tries > 0, !shouldStop() {
      let size = (steps.count + parts - 1) / parts
      var isSmaller = false
      var start = 0
      while start < steps.count, tries > 0, !shouldStop() {
        var rest = steps
        rest.removeSubrange(start..<min(start + size, steps.count))
        tries -= 1
        // A run that was cut off shows nothing.
        if !rest.isEmpty, fails(StepSet(steps: rest)), !shouldStop() {
          steps = rest
          isSmaller = true
        } else {
          start += size
        }
      }
      if !isSmaller {
        if size == 1 { break }
        parts = min(parts * 2, steps.count)
      } else {
        parts = max(2, min(parts, steps.count))
      }
    }
    return StepSet(steps: steps)
  }
}
