"""Fills a fresh zou: three productions with 2,000 shots and 6,000 tasks, persons of every kind, previews with real files."""
import hashlib
import pathlib
import shutil
import tempfile
import time

from . import KIT, Problem, media, tokens
from .api import Api, Refused

ADMIN = ("admin@example.com", "mysecretpassword")
PROJECTS = ["Aurora", "Bastion", "Cinder"]
PICTURES, PICTURE_SIZE = 200, (384, 288)
ARCHIVE_BYTES = 24 << 20


class Filler:
    def __init__(self, services):
        self.services, self.api = services, Api(services.api)
        self.facts = {"admin": {"email": ADMIN[0], "password": ADMIN[1]}, "persons": {}, "previews": []}

    def fill(self):
        self.api.log_in(*ADMIN)
        self.statuses = {status["short_name"]: status["id"] for status in self.api.get("data/task-status")}
        self._persons()
        self._projects()
        self.services.sql((KIT / "rows.sql").read_text())
        self._tell_rows()
        self._previews()
        self._two_factors()
        self._locked_out()
        self._count()
        return self.facts

    # Persons.
    def _person(self, email, role, password, **more):
        first = email.partition("@")[0].capitalize()
        made = self.api.post("data/persons", {"first_name": first, "last_name": "Example", "email": email, "role": role,
                                              "password": password})
        self.facts["persons"][email] = {"id": made["id"], "email": email, "password": password, "role": role, **more}
        return made["id"]

    def _persons(self):
        me = self.api.get(f"data/persons?email={ADMIN[0]}")[0]
        self.facts["persons"][ADMIN[0]] = {"id": me["id"], "email": ADMIN[0], "password": ADMIN[1], "role": "admin"}
        self.manager = self._person("manager@example.com", "manager", "managerpassword")
        self.artist = self._person("artist@example.com", "user", "artistpassword")
        self._person("totp@example.com", "user", "totppassword")
        self._person("recovery@example.com", "user", "recoverypassword")
        self._person("disabled@example.com", "user", "disabledpassword", active=False)
        self._person("default@example.com", "user", "default")
        self._person("lockout@example.com", "user", "lockoutpassword")
        # The life of its token is the time until this day.
        bot = self.api.post("data/persons", {"first_name": "Render", "last_name": "Bot", "email": "bot@example.com",
                                             "role": "admin", "is_bot": True, "expiration_date": "2099-12-31"})
        self.facts["bot"] = {"id": bot["id"], "email": "bot@example.com", "token": bot["access_token"]}

    def _two_factors(self):
        for email in "totp@example.com", "recovery@example.com":
            person = self.facts["persons"][email]
            api = Api(self.services.api)
            api.log_in(email, person["password"])
            secret = api.put("auth/totp", {})["otp_secret"]
            answer = api.post("auth/totp", {"totp": tokens.totp(secret)})
            person.update(otp_secret=secret, recovery_codes=answer["otp_recovery_codes"])

    def _locked_out(self):
        self.api.put(f"data/persons/{self.facts['persons']['disabled@example.com']['id']}", {"active": False})
        try:
            Api(self.services.api).log_in("default@example.com", "default")
        except Refused as refused:
            if refused.json().get("default_password"):
                return
        raise Problem("a person with the password 'default' was not told to choose another one")

    # Productions.
    def _projects(self):
        types = sorted(self.api.get("data/task-types"), key=lambda kind: (kind["priority"], kind["name"]))
        self.shot_types = [kind for kind in types if kind["for_entity"] == "Shot"][:3]
        asset_types = self.api.get("data/asset-types")[:2]
        self.facts["task_types"] = {kind["name"]: kind["id"] for kind in self.shot_types}
        self.facts["task_statuses"] = self.statuses
        self.facts["projects"] = {}
        for name in PROJECTS:
            # A small resolution: movies are scaled to it when they are published.
            project = self.api.post("data/projects", {"name": name, "production_type": "short", "resolution": "640x360",
                                                      "fps": "25"})["id"]
            self.facts["projects"][name] = project
            self.api.post(f"data/projects/{project}/settings/batch", {
                "task_types": [{"task_type_id": kind["id"], "priority": n} for n, kind in enumerate(self.shot_types, 1)],
                "task_status_ids": list(self.statuses.values()), "asset_type_ids": [kind["id"] for kind in asset_types]})
            for person in self.manager, self.artist:
                self.api.post(f"data/projects/{project}/team", {"person_id": person})
            first = None
            for n in range(1, 11):
                sequence = self.api.post(f"data/projects/{project}/sequences", {"name": f"SQ{n:02d}"})["id"]
                first = first or sequence
            shot = self.api.post(f"data/projects/{project}/shots", {
                "name": "SH0001", "sequence_id": first, "nb_frames": 41, "description": "",
                "data": {"frame_in": 101, "frame_out": 141}})["id"]
            self.api.post(f"data/projects/{project}/asset-types/{asset_types[0]['id']}/assets/new",
                          {"name": "Prop 01", "description": "", "data": {}})
            for kind in self.shot_types:
                self.api.post("data/tasks", {"project_id": project, "entity_id": shot, "task_type_id": kind["id"],
                                             "task_status_id": self.statuses["todo"], "name": "main"})

    def _tell_rows(self):
        project = self.facts["projects"][PROJECTS[0]]
        rows = self.services.sql(
            f"""select t.id, s.id, s.name from task t join entity s on s.id = t.entity_id
                where t.project_id = '{project}' and t.task_type_id = '{self.shot_types[0]["id"]}' order by s.name""")
        self.tasks = [task for task, _, _ in rows]
        self.shots = [shot for _, shot, _ in rows]
        self.facts["shot_id"], self.facts["shot_name"] = rows[0][1], rows[0][2]
        self.facts["task_id"] = rows[0][0]
        # The artist may publish here, and only here.
        self.facts["artist_task_id"] = self.tasks[1]
        self.api.put(f"actions/persons/{self.artist}/assign", {"task_ids": [self.tasks[1]]})
        assets = self.services.sql(f"""select e.id from entity e where e.project_id = '{project}' and e.name like 'Prop %'
                                       order by e.name""")
        self.facts["asset_ids"] = [row[0] for row in assets]
        self.api.put(f"data/projects/{project}/entities/{self.shots[0]}/casting",
                     [{"asset_id": row[0], "nb_occurences": n} for n, row in enumerate(assets[:3], 1)])

    # Publications.
    def _publish(self, task, name, content):
        """One comment with one preview; `content` None leaves it waiting for its file."""
        comment = self.api.post(f"actions/tasks/{task}/comment", {"task_status_id": self.statuses["wfa"], "comment": name})
        preview = self.api.post(f"actions/tasks/{task}/comments/{comment['id']}/add-preview", {})
        if content is not None:
            preview = self.api.upload(f"pictures/preview-files/{preview['id']}", name, content)
        self.facts.setdefault("comment_id", comment["id"])
        return preview["id"]

    def _tell(self, preview, kind, folder=None, **more):
        """`folder` is where the file lies; what it holds is what a download must give."""
        row = self.api.get(f"data/preview-files/{preview}")
        fact = {"id": preview, "kind": kind, "extension": row["extension"], "status": row["status"],
                "task_id": row["task_id"], "revision": row["revision"], **more}
        if folder:
            content = self._stored(folder, preview).read_bytes()
            fact.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        self.facts["previews"].append(fact)
        return fact

    def _stored(self, folder, preview):
        return self.services.folder / "previews" / folder / preview[:3] / preview[3:6] / preview

    def _previews(self):
        tasks = iter(self.tasks[10:])
        sample = self._publish(next(tasks), "picture_000.png", media.noise_png(0, *PICTURE_SIZE))
        self._pictures(sample, [next(tasks) for _ in range(1, PICTURES)])
        with tempfile.TemporaryDirectory() as folder:
            for n, pattern in enumerate(("testsrc2", "smptebars", "rgbtestsrc")):
                content = media.movie(pathlib.Path(folder) / "movie.mp4", 2, pattern)
                preview = self._publish(next(tasks), f"movie_{n}.mp4", content)
                self._tell(preview, "movie", "movies/previews", path=f"movies/originals/preview-files/{preview}.mp4")
        packed = self._publish(next(tasks), "scene.zip", media.archive("scene", ARCHIVE_BYTES))
        self._tell(packed, "archive", "files/previews", path=f"pictures/originals/preview-files/{packed}.zip")
        waiting = self._publish(next(tasks), "waiting", None)
        self._tell(waiting, "processing")
        broken = self._publish(next(tasks), "broken.mp4", b"This is no movie.\n" * 100)
        if self._tell(broken, "broken")["status"] != "broken":
            raise Problem("a movie that is none was not marked as broken")

    def _pictures(self, sample, tasks):
        """The others are copies of the published one's row, with pictures of their own."""
        rows = self.services.sql(
            "insert into preview_file select made.* from preview_file sample cross join unnest(array[" +
            ",".join(f"'{task}'" for task in tasks) + f"""]) with ordinality as chosen(task, n)
            cross join lateral jsonb_populate_record(null::preview_file, to_jsonb(sample) || jsonb_build_object(
              'id', gen_random_uuid(), 'task_id', chosen.task, 'name', null,
              'original_name', 'picture_' || lpad(chosen.n::text, 3, '0'))) made
            where sample.id = '{sample}' returning id, original_name""")
        folders = [folder for folder in ("pictures/original", "pictures/thumbnails", "pictures/thumbnails-square",
                                         "pictures/previews") if self._stored(folder, sample).exists()]
        if "pictures/original" not in folders:
            raise Problem("zou keeps the published picture elsewhere than pictures/original")
        for preview, name in rows:
            for folder in folders:
                target = self._stored(folder, preview)
                target.parent.mkdir(parents=True, exist_ok=True)
                if folder == "pictures/original":
                    target.write_bytes(media.noise_png(int(name[-3:]), *PICTURE_SIZE))
                elif folder != "pictures/previews":  # the large rendition: the first picture has one
                    shutil.copyfile(self._stored(folder, sample), target)
        sizes = {}
        for preview, _ in [(sample, "picture_000"), *rows]:
            fact = self._tell(preview, "picture", "pictures/original", path=f"pictures/originals/preview-files/{preview}.png")
            sizes[preview] = fact["size"]
        self.services.sql("".join(f"update preview_file set file_size = {size} where id = '{preview}';"
                                  for preview, size in sizes.items()) +
                          """update task set last_preview_file_id = f.id from preview_file f where f.task_id = task.id;
                             update entity set preview_file_id = f.id from preview_file f join task t on t.id = f.task_id
                             where entity.id = t.entity_id;""")

    def _count(self):
        names = ("project", "task", "person", "preview_file", "comment")
        counts = {name: int(self.services.sql(f'select count(*) from "{name}"')[0][0]) for name in names}
        for name, count in self.services.sql("select t.name, count(*) from entity e join entity_type t on t.id = e.entity_type_id "
                                             "group by t.name"):
            counts[name.lower()] = int(count)
        self.facts["counts"] = {"projects": counts["project"], "shots": counts["shot"], "tasks": counts["task"],
                                "sequences": counts["sequence"], "persons": counts["person"],
                                "previews": counts["preview_file"], "comments": counts["comment"],
                                "assets": len(PROJECTS) * 20}
        if (counts["shot"], counts["task"]) != (2000, 6000):
            raise Problem(f"filled {counts['shot']} shots and {counts['task']} tasks instead of 2,000 and 6,000")
        per = self.services.sql("select p.name, count(*) from task t join project p on p.id = t.project_id group by p.name")
        self.facts["tasks_of_project"] = {name: int(count) for name, count in per}
        self.facts["filled_at"] = int(time.time())
