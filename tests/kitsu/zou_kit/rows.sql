-- Makes the thousands of rows: each is a copy of one that the server made itself, so that every column holds what the
-- server puts there. Before: three projects, each with its sequences, one shot and one task for each type of task.

create or replace function pg_temp.projects() returns table (id uuid, turn int) language sql as
  $$ select p.id, (row_number() over (order by p.name))::int - 1 from project p $$;

-- Shots: 667, 667 and 666, ten sequences a project, by turns.
insert into entity
select made.*
from pg_temp.projects() p
join entity_type kind on kind.name = 'Shot'
join entity shot on shot.project_id = p.id and shot.entity_type_id = kind.id
cross join generate_series(2, case p.turn when 2 then 666 else 667 end) n
join (select s.id, s.project_id, row_number() over (partition by s.project_id order by s.name) - 1 as turn
      from entity s join entity_type t on t.id = s.entity_type_id and t.name = 'Sequence') sequence
  on sequence.project_id = p.id and sequence.turn = n % 10
cross join lateral jsonb_populate_record(null::entity, to_jsonb(shot) || jsonb_build_object(
  'id', gen_random_uuid(), 'name', 'SH' || lpad(n::text, 4, '0'), 'parent_id', sequence.id, 'nb_frames', 40 + n % 100,
  'created_at', shot.created_at + n * interval '1 second', 'updated_at', shot.updated_at + n * interval '1 second')) made;

-- Their tasks.
insert into task
select made.*
from pg_temp.projects() p
join entity_type kind on kind.name = 'Shot'
join task sample on sample.project_id = p.id
join entity shot on shot.project_id = p.id and shot.entity_type_id = kind.id and shot.id <> sample.entity_id
cross join lateral jsonb_populate_record(null::task, to_jsonb(sample) || jsonb_build_object(
  'id', gen_random_uuid(), 'entity_id', shot.id,
  'created_at', shot.created_at, 'updated_at', shot.updated_at)) made;

-- Assets: twenty in each project.
insert into entity
select made.*
from entity asset
join entity_type kind on kind.id = asset.entity_type_id and kind.name not in ('Shot', 'Sequence', 'Episode', 'Scene', 'Edit', 'Concept')
cross join generate_series(2, 20) n
cross join lateral jsonb_populate_record(null::entity, to_jsonb(asset) || jsonb_build_object(
  'id', gen_random_uuid(), 'name', 'Prop ' || lpad(n::text, 2, '0'))) made;
