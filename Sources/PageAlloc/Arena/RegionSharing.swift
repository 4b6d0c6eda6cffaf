/// Who can get at the memory of an arena.
public enum RegionSharing: Sendable, Hashable, CaseIterable {
  /// This process only. With its descriptor an arena backs long runs of pages faster; but only one
  /// whose number is in the lowest quarter of those that this process may have is kept, all others
  /// are closed as soon as the views are mapped. So the number of arenas is not bounded by that of
  /// descriptors.
  case inProcess

  /// Other processes too, which get a descriptor that was opened read-only: they cannot map it
  /// writable, raise its protection, write, or punch holes. A process of another user cannot get
  /// more. One of the same user could open the file again for writing: such processes are as
  /// isolated from each other as any two of one user.
  case exportable

  /// As `exportable`, and the file is sealed against all future writing, which holds against
  /// processes of the same user too. The kernel then refuses to punch holes: memory that was once
  /// backed stays until the arena goes.
  case exportableSealed
}
