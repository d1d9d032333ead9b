# Do the hosts of a cluster reach each other? Runs on all of them at the same time, for some seconds
# only: listens where a port is free, tries the others, and ends when all is known.
# Questions after __END__: `me NAME`, `mark WORD` (of this check), `seconds N`,
# `listen tcp|udp PORT VISITORS` (how many will come), `try NAME ADDRESS tcp|udp PORT`.
# Answers: `taken PROTOCOL PORT`, `tried NAME PROTOCOL PORT RESULT`, and at last `peers complete`.
use strict; use warnings; use IO::Socket::IP; use IO::Select; use Socket; use Errno; use POSIX ();
my (%set, @listen, @calls);
while (<DATA>) {
  chomp; my ($key, @words) = split / /;
  if ($key eq "listen") { push @listen, \@words }
  elsif ($key eq "try") {
    my %call; @call{qw(name address protocol port)} = @words; push @calls, { %call, again => 0 };
  }
  elsif (defined $key) { $set{$key} = $words[0] }
}
my ($me, $mark) = @set{qw(me mark)};
$| = 1; $SIG{PIPE} = "IGNORE"; alarm $set{seconds} + 3;
my $hz = POSIX::sysconf(POSIX::_SC_CLK_TCK());
sub now { return (POSIX::times())[0] / $hz }
my ($reader, $writer) = (IO::Select->new, IO::Select->new);
my (%door, %guest, %call, %visited, $visitors);

for (@listen) {
  my ($protocol, $port, $number) = @$_;
  my %kind = (LocalPort => $port, Proto => $protocol);
  %kind = (%kind, Listen => 128, ReuseAddr => 1) if $protocol eq "tcp";
  # One socket for both families, where there are both.
  my $door = IO::Socket::IP->new(LocalHost => "::", V6Only => 0, %kind);
  $door //= IO::Socket::IP->new(LocalHost => "0.0.0.0", %kind) unless $!{EADDRINUSE};
  if (!$door) { print "taken $protocol $port\n"; next }
  $door->blocking(0); $reader->add($door); $door{$door} = "$protocol $port"; $visitors += $number;
}

sub shut {
  my ($one) = @_;
  my $socket = delete $one->{socket} or return;
  $reader->remove($socket); $writer->remove($socket); delete $call{$socket}; close $socket;
}
sub done { my ($one, $word) = @_; $one->{done} = $word; shut($one) }
sub later { my ($one, $why) = @_; $one->{why} = $why; shut($one); $one->{again} = now() + 0.3 }
sub reason { return $_[0] == Errno::ECONNREFUSED ? "refused" : "route" }

sub call {
  my ($one) = @_;
  my $tcp = $one->{protocol} eq "tcp";
  if (!$one->{socket}) {
    my %kind = (PeerHost => $one->{address}, PeerPort => $one->{port}, Proto => $one->{protocol});
    my $socket = IO::Socket::IP->new(%kind, $tcp ? (Blocking => 0) : ()) or return later($one, reason($! + 0));
    $one->{socket} = $socket; $call{$socket} = $one;
    ($tcp ? $writer : $reader)->add($socket);
  }
  $one->{again} = $tcp ? 0 : now() + 0.3;
  send $one->{socket}, "$mark $me", 0 if !$tcp;
}
sub connected {
  my ($one, $socket) = @_;
  my $error = $socket->sockopt(SO_ERROR);
  return later($one, reason($error)) if $error;
  $writer->remove($socket); $reader->add($socket);
  $one->{connected} = now(); syswrite $socket, "$mark $me\n";
}
# A listener of this check says its name; another program's port is open, too.
sub answered {
  my ($one, $socket) = @_;
  my $count = sysread $socket, my $text, 200;
  return later($one, "refused") if !$count && $one->{protocol} eq "udp";
  return done($one, "open") if !$count || $text !~ /^\Q$mark\E (\S+)/;
  done($one, $1 eq $one->{name} ? "ok" : "stranger");
}
sub opened {
  my ($socket, $port) = @_;
  if ($port =~ /^tcp/) {
    my $guest = $socket->accept or return;
    $guest->blocking(0); syswrite $guest, "$mark $me\n"; $reader->add($guest); $guest{$guest} = $port;
  }
  elsif (defined(my $from = recv $socket, my $text, 200, 0)) {
    return unless $text =~ /^\Q$mark\E (\S+)/;
    $visited{"$port $1"} = 1; send $socket, "$mark $me", 0, $from;
  }
}
sub heard {
  my ($socket, $port) = @_;
  my $count = sysread $socket, my $text, 200;
  if ($count) { $visited{"$port $1"} = 1 if $text =~ /^\Q$mark\E (\S+)/ }
  # Who called hangs up first, so that no port of ours stays in use behind us.
  else { $reader->remove($socket); delete $guest{$socket}; close $socket }
}

my $end = now() + $set{seconds};
my $over;
while (now() < ($over // $end)) {
  my @open = grep { !$_->{done} } @calls;
  # An answer on its way out may be lost, and be asked for once more.
  $over //= now() + 0.4 if !@open && keys %visited >= ($visitors // 0);
  for my $one (@open) {
    if ($one->{connected}) { done($one, "open") if now() > $one->{connected} + 1 }
    elsif (!$one->{socket} || $one->{again}) { call($one) if now() >= $one->{again} }
  }
  my ($can_read, $can_write) = IO::Select->select($reader, $writer, undef, 0.05);
  for my $socket (@{ $can_write // [] }) { connected($call{$socket}, $socket) if $call{$socket} }
  for my $socket (@{ $can_read // [] }) {
    if ($door{$socket}) { opened($socket, $door{$socket}) }
    elsif ($guest{$socket}) { heard($socket, $guest{$socket}) }
    elsif ($call{$socket}) { answered($call{$socket}, $socket) }
  }
}
for my $one (@calls) {
  my $word = $one->{done} || ($one->{connected} ? "open" : $one->{why} || "silent");
  print "tried $one->{name} $one->{protocol} $one->{port} $word\n";
}
print "peers complete\n";
