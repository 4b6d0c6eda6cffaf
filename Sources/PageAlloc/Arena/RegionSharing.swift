/// Who can get at the memory of an arena.
public enum RegionSharing: Sendable, Hashable, CaseIterable {
  /// This process only. When a quarter of the descriptors that this process may have are in use,
  /// that of an arena is closed as soon as its views are mapped, so the number of arenas is not
  /// bounded by the number of descriptors. With a descriptor, long runs of pages are backed faster.
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
